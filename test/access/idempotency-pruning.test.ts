import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DAY_MS } from '../../src/domain/buckets.js';
import { theBooks, type Books } from '../support/books.js';

let books: Books;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());

describe('pruning idempotency records', () => {
  it('deletes them 30 days after they were written, however many there are, also when two run at once', async () => {
    const { pool } = books.postgres;
    const now = books.clock.now().getTime();
    const keep = (count: number, ageMs: number) =>
      pool.query(
        `insert into idempotency_keys select '*', $1 || n, '', 200, '{}', $2 from generate_series(1, $3) n`,
        [`aged ${ageMs} `, new Date(now - ageMs), count],
      );
    await keep(25_000, 30 * DAY_MS + 1);
    await keep(10, 30 * DAY_MS);
    const pruned = await Promise.all([books.idempotency.prune(), books.idempotency.prune()]);
    expect(pruned[0] + pruned[1]).toBe(25_000);
    expect((await pool.query('select from idempotency_keys')).rowCount).toBe(10);
  });
});
