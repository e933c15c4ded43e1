/** Months whose events were dropped: their sums stay, and what needs the events themselves is refused, with what was dropped and when. */
import { TallyError } from '../domain/errors.js';
import { periodEnd, type Period } from '../domain/period.js';
import { unixSeconds } from '../domain/unix-time.js';
import type { Tx } from '../platform/database.js';
import { findDroppedMonths, keepUsageMonths, type DroppedMonth } from './usage-months.sql.js';

type Range = { readonly entity: string | null; readonly from: Date; readonly to: Date };

/** Throws `events_dropped` where events of the range were dropped; of one entity, where it had any. `param` is the field that names the range. */
export async function requireEvents(tx: Tx, { param, ...range }: Range & { param: string }): Promise<void> {
  if (range.to <= range.from) return;
  const dropped = await findDroppedMonths(tx, range);
  if (dropped.length > 0) throw eventsDropped(dropped, param);
}

/** The first call of a transaction that reads events from a snapshot: no month is dropped under it. */
export async function keepMonths(tx: Tx): Promise<void> {
  await keepUsageMonths(tx);
}

function eventsDropped(months: readonly DroppedMonth[], param: string): TallyError {
  const [first, last] = [months[0]!, months.at(-1)!];
  const named = first === last ? first.month : `${first.month} to ${last.month}`;
  const from = periodEnd(last.month as Period);
  return new TallyError(
    'events_dropped',
    `${param}: the events of ${named} were dropped on ${last.droppedAt.toISOString().slice(0, 10)}; their sums by hour, statements and corrections stay. Events are there from ${from.toISOString()} on`,
    {
      param,
      details: {
        months: months.map(({ month, droppedAt }) => ({
          month,
          dropped_at: unixSeconds(droppedAt),
        })),
        events_from: unixSeconds(from),
      },
    },
  );
}
