import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AnswerPruning } from '../../src/usage/answer-pruning.service.js';
import { theBooks, type Books } from '../support/books.js';

const DAY_MS = 24 * 3_600_000;

let books: Books;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());

describe('answers to idempotency keys', () => {
  it('are forgotten 30 days after they were given, however many there are, also by two at once', async () => {
    const { pool } = books.database;
    const now = books.clock.now().getTime();
    const keep = (count: number, ageMs: number) =>
      pool.query(
        `insert into idempotency_keys select '*', $1 || n, '', 200, '{}', $2 from generate_series(1, $3) n`,
        [`aged ${ageMs} `, new Date(now - ageMs), count],
      );
    await keep(25_000, 30 * DAY_MS + 1);
    await keep(10, 30 * DAY_MS);
    const pruning = new AnswerPruning(books.database, books.clock);
    const pruned = await Promise.all([pruning.prune(), pruning.prune()]);
    expect(pruned[0] + pruned[1]).toBe(25_000);
    expect((await pool.query('select from idempotency_keys')).rowCount).toBe(10);
  });
});
