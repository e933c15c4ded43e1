/** The lock of the price book, and from when a price that is published now is in force. */
import type { Tx } from '../platform/database.js';

const PRICE_BOOK_LOCK = 7_201_001;

/** Transactions that rate usage share the lock. */
export async function lockPriceBookShared(tx: Tx): Promise<void> {
  await tx.$queryRaw`select pg_advisory_xact_lock_shared(${PRICE_BOOK_LOCK}::bigint)::text`;
}

/** Publishing takes the lock alone: no event is rated by a book that changes before the event is committed. */
export async function lockPriceBook(tx: Tx): Promise<void> {
  await tx.$queryRaw`select pg_advisory_xact_lock(${PRICE_BOOK_LOCK}::bigint)::text`;
}

/** Now, which is later than the start of a transaction that has waited for the book's lock; or the time that a test's clock sets. */
export async function findSwitchTime(tx: Tx, set: Date | null): Promise<Date> {
  const [row] = await tx.$queryRaw<[{ at: Date }]>`
    select coalesce(${set}::timestamptz, clock_timestamp())::timestamptz(3) as at`;
  return row.at;
}
