import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { anEvent } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { expectAgreement } from '../support/correcting.js';

let books: Books;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());
beforeEach(() => books.clock.set('2026-11-22T12:00:00Z'));
afterEach(() => expectAgreement(books));

describe('usage of the next month, by a clock that is ahead', () => {
  it('is paid by the allowance of the month that it is charged to', async () => {
    await books.postgres.pool.query(
      `insert into plans (name, overage, monthly_credit_picos) values ('gift', 'allowed', 5000000000000)`,
    );
    await books.postgres.pool.query(
      `insert into entities (name, plan, created_at) values ('gifted', 'gift', now())`,
    );
    books.clock.set('2026-11-30T23:58:00Z');
    // The month's allowance is there already.
    await books.recorder.record([
      anEvent({ subject: 'gifted/p', occurredAt: new Date('2026-11-30T23:57:00Z') }),
    ]);
    await books.recorder.record([
      anEvent({ subject: 'gifted/p', occurredAt: new Date('2026-12-01T00:00:01Z') }),
    ]);
    books.clock.set('2026-12-01T00:01:00Z');
    await books.recorder.record([
      anEvent({ subject: 'gifted/p', occurredAt: new Date('2026-12-01T00:00:02Z') }),
    ]);
    const { rows } = await books.postgres.pool.query(
      `select period, cost_picos::text as cost, overage_picos::text as overage from entity_spend where entity = 'gifted' order by period`,
    );
    expect(rows).toEqual([
      { period: '2026-11', cost: '106500000', overage: '0' },
      { period: '2026-12', cost: '213000000', overage: '0' },
    ]);
  });
});
