import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Period } from '../../src/domain/period.js';
import { anEvent } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { buy, expectAgreement, publish, spendOf, voidEvent, voidGrant } from '../support/correcting.js';
import { until } from '../support/until.js';

/** 150 tokens for a picodollar each. */
const MODEL = 'one-pico';
const NOVEMBER = '2026-11' as Period;
const DECEMBER = '2026-12' as Period;
const JANUARY = '2027-01' as Period;

let books: Books;
beforeEach(async () => {
  books = await theBooks();
  await publish(books, MODEL, '0.000001');
});
afterEach(async () => {
  await expectAgreement(books);
  await books.close();
});

const event = (entity: string, occurredAt = books.clock.now()) =>
  anEvent({ subject: `${entity}/p`, model: MODEL, occurredAt });

const rowsOf = async (sql: string): Promise<unknown[]> => (await books.postgres.pool.query(sql)).rows;

describe('closing a period', () => {
  it('waits for the end of the grace, then freezes what belongs to the period, whenever it was booked', async () => {
    await buy(books, 'a', 1_000n);
    await buy(books, 'a', 70n, {
      category: 'promotional',
      priority: 1,
      expiresAt: new Date('2026-11-25T00:00:00Z'),
    });
    const wrong = event('a');
    await books.recorder.record([event('a'), wrong]);
    books.clock.advance(3_600_000);
    await books.posting.post();
    await voidEvent(books, wrong);
    books.clock.set('2026-11-26T00:00:00Z');
    await books.expiry.expire();
    const mistake = await buy(books, 'a', 30n, { priority: 99 });
    await voidGrant(books, mistake);
    books.clock.set('2026-12-03T23:59:59.999Z');
    await books.recorder.record([event('a', new Date('2026-11-30T00:00:00Z'))]);
    expect([
      await books.periods.closePeriods(),
      await books.periods.find({ entity: 'a', period: NOVEMBER }),
    ]).toEqual([0, null]);
    books.clock.set('2026-12-04T00:00:00Z');
    expect(await books.periods.closePeriods()).toBe(1);
    expect(await books.periods.find({ entity: 'a', period: NOVEMBER })).toEqual({
      entity: 'a',
      period: NOVEMBER,
      number: 'ST-000001',
      closedAt: new Date('2026-12-04T00:00:00Z'),
      openingPicos: 0n,
      purchasedPicos: 1030n,
      promotedPicos: 70n,
      burntPicos: 450n,
      burnReversedPicos: 150n,
      expiredPicos: 0n,
      voidedPicos: 30n,
      refundedPicos: 0n,
      repaidPicos: 0n,
      closingPicos: 770n,
      costPicos: 300n,
      overagePicos: 0n,
      overageReversedPicos: 0n,
      overageDuePicos: 0n,
    });
  });

  it('carries the balance on, states what is owed, and numbers without gaps, in any order and concurrently', async () => {
    await buy(books, 'a', 200n);
    await books.recorder.record([event('a'), event('a'), event('b')]);
    books.clock.set('2026-12-20T00:00:00Z');
    const late = event('a', new Date('2026-11-30T23:00:00Z'));
    await books.recorder.record([late, event('c')]);
    books.clock.set('2027-02-04T00:00:00Z');
    const closed = await Promise.all([
      books.periods.closePeriods(),
      books.periods.closePeriods(),
      books.periods.closePeriods(),
    ]);
    expect(closed.reduce((sum, count) => sum + count)).toBe(8);
    expect(await books.periods.closePeriods()).toBe(0);
    expect(
      await rowsOf(
        `select period, array_agg(entity order by entity) as entities from closed_periods group by 1 order by 1`,
      ),
    ).toEqual([
      { period: '2026-11', entities: ['a', 'b'] },
      { period: '2026-12', entities: ['a', 'b', 'c'] },
      { period: '2027-01', entities: ['a', 'b', 'c'] },
    ]);
    const numbers = await rowsOf(`select number from closed_periods order by number`);
    expect(numbers).toEqual(Array.from({ length: 8 }, (_, index) => ({ number: `ST-00000${index + 1}` })));
    const heads = await Promise.all(
      [NOVEMBER, DECEMBER, JANUARY].map((period) => books.periods.find({ entity: 'a', period })),
    );
    expect(
      heads.map((head) => [head!.openingPicos, head!.closingPicos, head!.costPicos, head!.overageDuePicos]),
    ).toEqual([
      [0n, 0n, 300n, 100n],
      [0n, 0n, 150n, 150n],
      [0n, 0n, 0n, 0n],
    ]);
  });

  it('states a negative amount due where corrections returned more than was used', async () => {
    const wrong = event('a');
    await books.recorder.record([wrong]);
    books.clock.set('2026-12-10T00:00:00Z');
    await voidEvent(books, wrong);
    books.clock.set('2027-01-04T00:00:00Z');
    await books.periods.closePeriods();
    expect(await books.periods.find({ entity: 'a', period: DECEMBER })).toMatchObject({
      costPicos: -150n,
      overagePicos: 0n,
      overageReversedPicos: 150n,
      overageDuePicos: -150n,
    });
  });

  it('gives the number of a close that fails to the next close, which goes on with the others', async () => {
    await books.recorder.record([event('a'), event('b')]);
    books.clock.set('2026-12-04T00:00:00Z');
    await books.postgres.pool.query(
      `create function fail() returns trigger language plpgsql as $$ begin
         if new.entity = 'a' then raise exception 'no'; end if; return new; end $$;
       create trigger fail before insert on closed_periods for each row execute function fail()`,
    );
    await expect(books.periods.closePeriods()).rejects.toThrow(/no/);
    await books.postgres.pool.query(`drop trigger fail on closed_periods`);
    await books.periods.closePeriods();
    expect(await rowsOf(`select entity, number from closed_periods order by number`)).toEqual([
      { entity: 'b', number: 'ST-000001' },
      { entity: 'a', number: 'ST-000002' },
    ]);
  });
});

describe('a closed period', () => {
  it('never changes, whatever is recorded, voided, re-rated, charged late or posted', async () => {
    await buy(books, 'a', 200n);
    const [wrong, unpriced] = [event('a'), { ...event('a'), model: 'later' }];
    await books.recorder.record([event('a'), wrong, unpriced, event('a')]);
    books.clock.set('2026-12-05T00:00:00Z');
    await books.periods.closePeriods();
    const frozen = () =>
      Promise.all(
        [
          'burns',
          'burn_reversals',
          'ledger_entries',
          'entity_spend',
          'project_spend',
          'usage_hourly',
          'closed_periods',
        ].map((table) => rowsOf(`select * from ${table} where period = '2026-11' order by ${table}`)),
      );
    const before = await frozen();
    await books.recorder.record([event('a', new Date('2026-11-30T00:00:00Z'))]);
    await voidEvent(books, wrong);
    await publish(books, MODEL, '0.000002', { from: '2026-11-01T00:00:00Z' });
    await publish(books, 'later', '0.000002', { from: '2026-11-01T00:00:00Z' });
    await books.unpriced.charge();
    const to = new Date('2027-01-01T00:00:00Z');
    const order = { model: MODEL, from: new Date('2026-11-01T00:00:00Z'), to, entity: null };
    expect(await books.rerating.rerate({ ...order, reason: 'r', actor: 't' })).toMatchObject({ changed: 3 });
    books.clock.advance(3_600_000);
    await books.posting.post();
    expect(await frozen()).toEqual(before);
    // Late 300, of it re-rated 150; two re-rated by 150 each; charged late 300; voided 150.
    expect(await spendOf(books, 'a', '2026-12')).toBe(`${300 + 2 * 150 + 300 - 150} = 0 + 750`);
  });

  it('includes no batch that began within the grace and waited for the close: it is booked in the open period', async () => {
    await books.recorder.record([event('a')]);
    const client = await books.postgres.pool.connect();
    await client.query('begin');
    await client.query(`select from entities where name = 'a' for no key update`);
    books.clock.set('2026-12-04T00:00:00Z');
    const closing = books.periods.closePeriods();
    await until('the close waits', async () => {
      const sql = `select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      const [row] = (await rowsOf(sql)) as { n: number }[];
      return row!.n === 1;
    });
    books.clock.set('2026-12-03T23:59:59.999Z');
    const late = event('a', new Date('2026-11-30T00:00:00Z'));
    // The batch is set aside while the account is locked, and booked when it is not.
    const recording = books.recorder.record([late]);
    books.clock.set('2026-12-04T00:00:01Z');
    await client.query('commit');
    client.release();
    expect([await closing, (await recording).recorded]).toEqual([1, 1]);
    expect([await spendOf(books, 'a', NOVEMBER), await spendOf(books, 'a', DECEMBER)]).toEqual([
      '150 = 0 + 150',
      '150 = 0 + 150',
    ]);
    expect(await books.periods.find({ entity: 'a', period: NOVEMBER })).toMatchObject({ costPicos: 150n });
  });

  it('includes every batch that was booked before its close', async () => {
    books.clock.set('2026-12-03T23:59:59.999Z');
    const batches = Array.from({ length: 10 }, () => [event('a', new Date('2026-11-30T00:00:00Z'))]);
    const recording = batches.map((batch) => books.recorder.record(batch));
    await recording[0];
    books.clock.set('2026-12-04T00:00:00Z');
    await Promise.all([books.periods.closePeriods(), ...recording]);
    await books.periods.closePeriods();
    const head = await books.periods.find({ entity: 'a', period: NOVEMBER });
    expect(await spendOf(books, 'a', NOVEMBER)).toBe(`${head!.costPicos} = 0 + ${head!.costPicos}`);
  });
});

describe('the row of a closed period', () => {
  let shared: Books;
  beforeAll(async () => (shared = await theBooks()));
  afterAll(() => shared.close());

  it('cannot be changed or deleted in the database', async () => {
    await shared.recorder.record([anEvent({ subject: 'a/p', occurredAt: shared.clock.now() })]);
    shared.clock.set('2026-12-04T00:00:00Z');
    await shared.periods.closePeriods();
    for (const sql of [`update closed_periods set number = 'ST-000009'`, `delete from closed_periods`]) {
      await expect(shared.postgres.pool.query(sql)).rejects.toThrow(/append only/);
    }
  });
});
