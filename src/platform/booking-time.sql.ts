/** The one clock that booking goes by. */
import type { Tx } from './database.js';

/** The start of this transaction by the database's clock, or the time that a test's clock sets. */
export async function findBookingTime(tx: Tx, set: Date | null): Promise<Date> {
  const [row] = await tx.$queryRaw<[{ booked_at: Date }]>`
    select coalesce(${set}::timestamptz, now())::timestamptz(3) as booked_at`;
  return row.booked_at;
}
