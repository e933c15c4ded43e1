/** The partitions of usage_events, one a month, and which of them were emptied. */
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

/**
 * No month's events are dropped until the transaction ends. The first statement of one that reads from a snapshot: a month that was emptied
 * after the snapshot was taken would be empty in it, and what stays of the month not there yet. Nobody but a drop waits for it, or fails by it.
 */
export async function keepUsageMonths(tx: Tx): Promise<void> {
  await tx.$executeRaw`lock table usage_events in access share mode`;
}

export type DroppedMonth = { readonly month: string; readonly droppedAt: Date };

/** Months whose events were dropped, of those in which [from, to) lies, oldest first. Of one entity those in which it had events; null is any. */
export async function findDroppedMonths(
  tx: Tx,
  { entity, from, to }: { entity: string | null; from: Date; to: Date },
): Promise<DroppedMonth[]> {
  return tx.$queryRaw<DroppedMonth[]>`
    select m.month, m.dropped_at as "droppedAt" from dropped_months m
    where m.month >= to_char(${from}::timestamptz at time zone 'UTC', 'YYYY-MM')
      and m.month <= to_char((${to}::timestamptz - interval '1 millisecond') at time zone 'UTC', 'YYYY-MM')
      and (${entity}::text is null or exists (
        select from dropped_events e where e.entity = ${entity}::text and e.month = m.month
      ))
    order by m.month`;
}
