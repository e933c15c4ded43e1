/** Names and texts that a caller may choose. */

/** An entity, a project or a plan: a letter or digit, then up to 127 letters, digits, dots, underscores and hyphens. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Who pays and what they spend it on, written `entity/project`. Null where the text is not two names with a slash between. */
export function parseSubject(text: string): { readonly entity: string; readonly project: string } | null {
  const [, entity, project] = SUBJECT_PATTERN.exec(text) ?? [];
  return entity === undefined || project === undefined ? null : { entity, project };
}

const NAME = NAME_PATTERN.source.slice(1, -1);
const SUBJECT_PATTERN = new RegExp(`^(${NAME})/(${NAME})$`);

/** The entity in an `entity/project` that is known to be one. */
export function entityOf(subject: string): string {
  return subject.slice(0, subject.indexOf('/'));
}

/** Longest model name, source, user id and the like, in UTF-16 code units. */
export const TEXT_LENGTH_MAX = 256;

/** Longest id of an event or a request: servers make ids of their own, and those of OpenAI's Responses have 437 characters behind some gateways. */
export const ID_LENGTH_MAX = 1_024;

/** What a database can store and a person can read: no control characters, no lone surrogates. */
export function isPrintable(text: string): boolean {
  return text.isWellFormed() && !/\p{Cc}/u.test(text);
}
