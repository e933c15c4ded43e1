/** The lock of the price book, held and watched by a test. */
import { PRICE_BOOK_LOCK } from '../../src/prices/price-book.js';
import type { Books } from './books.js';
import { until } from './until.js';

/** Takes a share of the book, as a transaction that counts usage does. Returns what gives it back. */
export async function aSlowBatch({ postgres }: Pick<Books, 'postgres'>): Promise<() => Promise<void>> {
  const client = await postgres.pool.connect();
  await client.query('begin');
  await client.query(`select pg_advisory_xact_lock_shared(${PRICE_BOOK_LOCK})`);
  return async () => {
    await client.query('commit');
    client.release();
  };
}

export async function untilSomebodyWaits({ postgres }: Pick<Books, 'postgres'>): Promise<void> {
  const waiting = `select from pg_locks where locktype = 'advisory' and objid = ${PRICE_BOOK_LOCK} and not granted`;
  await until('somebody waits for the book', async () => (await postgres.pool.query(waiting)).rowCount !== 0);
}
