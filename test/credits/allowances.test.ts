import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { anEvent, LLAMA, LLAMA_PICOS_PER_TOKEN } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { buy } from '../support/correcting.js';
import { usd } from '../support/quota.js';

let books: Books;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());
afterEach(async () => {
  const { checks } = await books.reconciliation.run();
  expect(checks.filter((check) => !check.ok)).toEqual([]);
});

describe('monthly allowances', () => {
  it('are granted once a month, even when a month begins with five batches at once', async () => {
    books.clock.set('2027-01-05T00:00:00Z');
    await books.postgres.pool.query(
      `insert into plans (name, overage, monthly_credit_picos) values ('gift', 'allowed', 5000000000000)`,
    );
    await books.postgres.pool.query(
      `insert into entities (name, plan, created_at) values ('gifted', 'gift', now())`,
    );
    const at = new Date('2027-01-04T12:00:00Z');
    await Promise.all(
      Array.from({ length: 5 }, () =>
        books.recorder.record([anEvent({ subject: 'gifted/p', model: LLAMA, occurredAt: at })]),
      ),
    );
    const grants = await books.grants.of(books.database.reader, 'gifted');
    expect(grants).toHaveLength(1);
    expect(grants[0]).toMatchObject({
      category: 'promotional',
      amountPicos: 5_000_000_000_000n,
      burntPicos: 5n * 150n * LLAMA_PICOS_PER_TOKEN,
      expiresAt: new Date('2027-02-01T00:00:00Z'),
    });
  });

  it('and purchases of the same moment are numbered 1, 2, 3 within their entity', async () => {
    await books.postgres.pool.query(
      `insert into entities (name, plan, created_at) values ('numbered', 'gift', now())`,
    );
    const at = new Date('2027-01-04T12:00:00Z');
    await Promise.all([
      ...Array.from({ length: 3 }, () => buy(books, 'numbered', usd('1'))),
      ...Array.from({ length: 3 }, () =>
        books.recorder.record([anEvent({ subject: 'numbered/p', model: LLAMA, occurredAt: at })]),
      ),
    ]);
    const { rows } = await books.postgres.pool.query(
      `select lot from credit_grants where entity = 'numbered' order by lot`,
    );
    expect(rows).toEqual([{ lot: 1 }, { lot: 2 }, { lot: 3 }, { lot: 4 }]);
  });
});
