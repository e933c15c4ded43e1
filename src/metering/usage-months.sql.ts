/** The partitions of usage_events, one a month. */
import type { Tx } from '../platform/database.js';

/**
 * Makes the months from `first` to `last` that are missing, and returns how many. It waits for nobody who reads or counts usage, and
 * nobody waits for it.
 */
export async function ensureUsageMonths(
  tx: Tx,
  { first, last }: { first: Date; last: Date },
): Promise<number> {
  const [row] = await tx.$queryRaw<[{ made: number }]>`
    select ensure_usage_months(${first}::timestamptz, ${last}::timestamptz) as made`;
  return row.made;
}
