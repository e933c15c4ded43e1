/** The lock of the price book. */
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
