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
  const subject = template.replaceAll(PLACEHOLDER, (text, name: Field, otherwise?: string) => {
    const value = name === 'end_user' ? log.end_user : log.metadata[FIELDS[name]];
    if (typeof value === 'string' && value !== '') return asName(value);
    if (otherwise === undefined) missing ??= name;
    return otherwise ?? text;
  });
  return { subject, missing };
}

/** Aliases may hold blanks and anything else; a name has letters, digits and three signs. */
function asName(value: string): string {
  return value.trim().replaceAll(/[^A-Za-z0-9._-]+/g, '-');
}
