/**
 * The only way in which a statement gets an array: as a Postgres array literal, one string parameter. Prisma and pg would otherwise
 * look at every element of every array, which takes longer than the insert of a batch itself.
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
  if (value === null) return 'NULL';
  if (typeof value === 'string') return `"${value.replace(/["\\]/g, '\\$&')}"`;
  return value instanceof Date ? `"${value.toISOString()}"` : String(value);
}
