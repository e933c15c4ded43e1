/**
 * The only ways in which a statement gets many values: as a Postgres array literal, or a column of texts as one text. Either is one
 * string parameter. Prisma and pg would otherwise look at every element of every array, which takes longer than the insert of a batch
 * itself.
 */

type Element = string | number | bigint | Date | null;

/** `{1,"a",NULL}`, to be cast to the column's array type where it is used; null, which SQL takes for no array, stays null. */
export function pgArray<Values extends readonly Element[] | null>(
  values: Values,
): Values extends null ? null : string {
  const literal = values === null ? null : `{${values.map(elementOf).join(',')}}`;
  return literal as Values extends null ? null : string;
}

function elementOf(value: Element): string {
  if (typeof value === 'string') return `"${escaped(value)}"`;
  if (value === null) return 'NULL';
  return value instanceof Date ? `"${value.toISOString()}"` : String(value);
}

/** Two searches cost less than a replacement that replaces nothing. */
function escaped(text: string): string {
  return text.includes('"') || text.includes('\\') ? text.replace(/["\\]/g, '\\$&') : text;
}

const SEPARATOR = '\u001f';

/**
 * For `texts_of` in a statement, which reads an empty text as null: a third of the time of an array literal. No text may contain U+001F, a
 * control character that is refused or replaced where texts come in. Null where every value is.
 */
export function pgTexts(values: readonly (string | null)[]): string | null {
  return values.some((value) => value !== null) ? values.join(SEPARATOR) : null;
}
