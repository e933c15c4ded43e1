/** Rows in the order of one of their values. Pure. */

export type SortValue = string | number | bigint | null;

/** Numbers in names are numbers: `user-2` comes before `user-10`. */
const NAMES = new Intl.Collator('en', { numeric: true });

/** Null comes last in both directions; equal values keep their order. */
export function sortedRows<T>(rows: readonly T[], valueOf: (row: T) => SortValue, isBackwards: boolean): T[] {
  const valued = rows.map((row) => ({ row, value: valueOf(row) }));
  valued.sort(({ value: a }, { value: b }) => {
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    return isBackwards ? compare(b, a) : compare(a, b);
  });
  return valued.map(({ row }) => row);
}

function compare(a: NonNullable<SortValue>, b: NonNullable<SortValue>): number {
  if (typeof a === 'string' && typeof b === 'string') return NAMES.compare(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}
