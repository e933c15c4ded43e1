/** The lock of the price book, and from when a price that is published now is in force. */
import type { Tx } from '../platform/database.js';
import { Prisma } from '../platform/prisma/client.js';

/** The advisory lock of the book. */
export const PRICE_BOOK_LOCK = 7_201_001n;

/** Transactions that rate usage share the lock. */
export async function lockPriceBookShared(tx: Tx): Promise<void> {
  await tx.$queryRaw`select pg_advisory_xact_lock_shared(${PRICE_BOOK_LOCK}::bigint)::text`;
}

/** Takes the lock alone where nobody has it, until the transaction ends. True also where this transaction has it already. */
export async function tryLockPriceBook(tx: Tx): Promise<boolean> {
  const [row] = await tx.$queryRaw<[{ locked: boolean }]>`
    select pg_try_advisory_xact_lock(${PRICE_BOOK_LOCK}::bigint) as locked`;
  return row.locked;
}

/**
 * Waits a tenth of a second at most to have the lock alone; `tryLockPriceBook` then says whether it has. A session that asks for a share
 * meanwhile waits behind this one. A block takes no parameters, so the lock's number stands in its text.
 */
export async function awaitPriceBook(tx: Tx): Promise<void> {
  await tx.$executeRaw`
    do $$
    declare
      usual text := current_setting('lock_timeout');
    begin
      set local lock_timeout = '100ms';
      perform pg_advisory_xact_lock(${Prisma.raw(String(PRICE_BOOK_LOCK))});
      perform set_config('lock_timeout', usual, true);
    exception when lock_not_available then
      null;
    end $$`;
}

/** Now, which is later than the start of a transaction that has waited for the book's lock; or the time that a test's clock sets. */
export async function findSwitchTime(tx: Tx, set: Date | null): Promise<Date> {
  const [row] = await tx.$queryRaw<[{ at: Date }]>`
    select coalesce(${set}::timestamptz, clock_timestamp())::timestamptz(3) as at`;
  return row.at;
}
