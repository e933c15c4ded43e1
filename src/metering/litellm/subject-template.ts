/** Who pays for a request that LiteLLM logged: a text such as `{org_id}/{team_id|shared}`, filled in from the log. */

/** What may stand in braces, and the field of the log's `metadata` that it is; `end_user` stands beside it. */
const FIELDS = {
  org_id: 'user_api_key_org_id',
  org_alias: 'user_api_key_org_alias',
  team_id: 'user_api_key_team_id',
  team_alias: 'user_api_key_team_alias',
  key_alias: 'user_api_key_alias',
  key_hash: 'user_api_key_hash',
  user_id: 'user_api_key_user_id',
} as const;

type Field = keyof typeof FIELDS | 'end_user';

export const SUBJECT_FIELDS = [...Object.keys(FIELDS), 'end_user'] as readonly Field[];
export const METADATA_FIELDS: readonly string[] = Object.values(FIELDS);

export const DEFAULT_SUBJECT = '{org_id}/{team_id}';

const PLACEHOLDER = /\{([a-z_]+)(?:\|([A-Za-z0-9._-]+))?\}/g;

export type Log = {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly end_user?: unknown;
};

const FIELD = String.raw`\{(?:${SUBJECT_FIELDS.join('|')})(?:\|[A-Za-z0-9][A-Za-z0-9._-]*)?\}`;
const PART = `(?:[A-Za-z0-9]|${FIELD})(?:[A-Za-z0-9._-]|${FIELD})*`;

/** A log that has every field makes it `entity/project`. */
export const SUBJECT_TEMPLATE = new RegExp(`^${PART}/${PART}$`);

/** `missing` names the first field that the log does not have; its braces stay, so the subject is none. */
export type Filled = { readonly subject: string; readonly missing: string | null };

export function filledSubject(template: string, log: Log): Filled {
  let missing: string | null = null;
  const filled = (part: string): string => {
    let isWhole = true;
    const text = part.replaceAll(PLACEHOLDER, (braces, name: Field, otherwise?: string) => {
      const value = name === 'end_user' ? log.end_user : log.metadata[FIELDS[name]];
      if (typeof value === 'string' && value !== '') return value;
      if (otherwise !== undefined) return otherwise;
      missing ??= name;
      isWhole = false;
      return braces;
    });
    return isWhole ? asName(text) : text;
  };
  return { subject: template.split('/').map(filled).join('/'), missing };
}

/**
 * Aliases may hold blanks and anything else; a name has letters, digits and three signs, and begins with none of these. `SubjectTemplate` of
 * packages/python maps alike, since one customer may come through both. Two aliases that become one name are one customer.
 */
function asName(part: string): string {
  return part.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[._-]+/, '');
}
