import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anEvent } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { publish } from '../support/correcting.js';

let books: Books;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());

describe('charging usage whose price came later', () => {
  it('burns the allowance of the month even when nothing else has asked for it in that month', async () => {
    const { pool } = books.postgres;
    await pool.query(
      `insert into plans (name, overage, monthly_credit_picos) values ('gift', 'allowed', 5000000000000)`,
    );
    await pool.query(`insert into entities (name, plan, created_at) values ('gifted', 'free', now())`);
    await books.recorder.record([anEvent({ subject: 'gifted/p', model: 'late' })]);
    await pool.query(`update entities set plan = 'gift' where name = 'gifted'`);
    await books.database.transaction((tx) =>
      books.prices.publish(tx, {
        model: 'late',
        entity: null,
        effectiveFrom: new Date('2026-11-01'),
        inputPicosPerToken: 1_000n,
        cachedInputPicosPerToken: null,
        outputPicosPerToken: 1_000n,
        maxInputTokens: null,
        maxOutputTokens: null,
        source: 'test',
        actor: 'test',
      }),
    );
    expect(await books.unpriced.charge()).toBe(1);
    const [grant] = await books.grants.list({ entity: 'gifted' });
    expect(grant).toMatchObject({ burntPicos: 150_000n });
    expect((await books.reconciliation.run()).ok).toBe(true);
  });

  it('is never booked in an hour that was posted while it waited', async () => {
    const of = (model: string) => anEvent({ subject: 'waits/p', model });
    await publish(books, 'priced', '1');
    await books.recorder.record([of('priced'), of('priced-later')]);
    await publish(books, 'priced-later', '1');
    books.clock.advance(3_600_000);
    await books.posting.post();
    books.clock.advance(-3_600_000);
    await expect(books.unpriced.charge()).rejects.toThrow(/hour is posted/);
    books.clock.advance(3_600_000);
    expect(await books.unpriced.charge()).toBe(1);
    expect((await books.reconciliation.run()).ok).toBe(true);
  });
});
