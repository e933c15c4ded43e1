/**
 * Columns of a batch as Postgres array literals: one string parameter each. Prisma and pg would otherwise look at every
 * element of every array, which takes longer than the insert itself.
 */

type Element = string | number | bigint | Date | null;

/** `{1,"a",NULL}`, to be cast to the column's array type where it is used. */
export function arrayLiteral(values: readonly Element[]): string {
  return `{${values.map(elementOf).join(',')}}`;
}

function elementOf(value: Element): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return `"${value.replace(/["\\]/g, '\\$&')}"`;
  return value instanceof Date ? `"${value.toISOString()}"` : String(value);
}
