/** The lock of the price book. */
import type { Tx } from '../platform/database.js';

const PRICE_BOOK_LOCK = 7_201_001;

/** Batches share it while they rate. */
export async function lockPriceBookShared(tx: Tx): Promise<void> {
  await tx.$queryRaw`select pg_advisory_xact_lock_shared(${PRICE_BOOK_LOCK}::bigint)::text`;
}

/** Publishing a price takes it alone: no event is rated by a book that changes before the event is committed. */
export async function lockPriceBook(tx: Tx): Promise<void> {
  await tx.$queryRaw`select pg_advisory_xact_lock(${PRICE_BOOK_LOCK}::bigint)::text`;
}
