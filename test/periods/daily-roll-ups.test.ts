import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { HOUR_MS } from '../../src/domain/buckets.js';
import type { EntityName } from '../../src/domain/ids.js';
import { BucketedReports } from '../../src/reports/bucketed-reports.js';
import { Database } from '../../src/platform/database.js';
import { bookkeepingOver } from '../support/services.js';
import { theBooks, type Books } from '../support/books.js';
import { anEvent } from '../support/builders.js';
import { expectAgreement, voidEvent } from '../support/correcting.js';

let books: Books;
let reports: BucketedReports;
let entity: EntityName;
let count = 0;
beforeAll(async () => {
  books = await theBooks();
  reports = new BucketedReports(books.database.lagging, books.clock);
});
afterAll(() => books.close());
beforeEach(() => {
  books.clock.set('2026-11-22T12:00:00Z');
  entity = `e${(count += 1)}` as EntityName;
});

const event = (occurredAt: string, userId = 'u') =>
  anEvent({ subject: `${entity}/p`, occurredAt: new Date(occurredAt), userId });

/** Days of the entity that are rolled up, and all its days. */
const days = async (): Promise<[number, number]> => {
  const { rows } = await books.postgres.pool.query<{ rolled: string; all: string }>(
    'select count(*) filter (where rolled_up) as rolled, count(*) as all from usage_days where entity = $1',
    [entity],
  );
  return [Number(rows[0]!.rolled), Number(rows[0]!.all)];
};

/** Requests by user, from 19 to 22 November. */
const byUser = async (): Promise<Record<string, number>> => {
  const { buckets } = await reports.usage({
    entity,
    start: new Date('2026-11-19T00:00:00Z'),
    end: new Date('2026-11-23T00:00:00Z'),
    width: '1d',
    bucketCountMax: 31,
    cursor: null,
    kind: 'completions',
    groupBy: new Set(['user']),
    projects: null,
    users: null,
    apiKeys: null,
    models: null,
    batch: null,
  });
  const sums: Record<string, number> = {};
  for (const { user, requests } of buckets.flatMap(({ rows }) => rows))
    sums[user!] = (sums[user!] ?? 0) + Number(requests);
  return sums;
};

/** Does something else between its first transaction and the next. */
class OvertakenDatabase extends Database {
  overtake: (() => Promise<unknown>) | null = null;

  override async transaction<T>(...args: Parameters<typeof Database.prototype.transaction<T>>): Promise<T> {
    const result = await super.transaction(...args);
    const { overtake } = this;
    this.overtake = null;
    await overtake?.();
    return result;
  }
}

describe('roll-ups by day', () => {
  it('are built one hour after the day ends, and only once', async () => {
    await books.recorder.record([event('2026-11-20T09:00:00Z'), event('2026-11-22T09:00:00Z')]);
    expect(await books.days.build()).toBe(1);
    expect(await days()).toEqual([1, 2]);
    books.clock.set('2026-11-23T00:59:59Z');
    expect(await books.days.build()).toBe(0);
    books.clock.set('2026-11-23T01:00:00Z');
    expect(await books.days.build()).toBe(1);
    expect(await books.days.build()).toBe(0);
    expect(await days()).toEqual([2, 2]);
    await expectAgreement(books);
  });

  it('are invalidated by late usage and by corrections, so that reports include these at once', async () => {
    const first = event('2026-11-20T09:00:00Z', 'a');
    await books.recorder.record([first, event('2026-11-20T10:00:00Z', 'b')]);
    await books.days.build();
    await books.recorder.record([event('2026-11-20T11:00:00Z', 'b')]);
    expect([await days(), await byUser()]).toEqual([[0, 1], { a: 1, b: 2 }]);
    await books.days.build();
    expect([await days(), await byUser()]).toEqual([[1, 1], { a: 1, b: 2 }]);
    await voidEvent(books, first);
    expect([await days(), await byUser()]).toEqual([[0, 1], { b: 2 }]);
    await books.days.build();
    expect([await days(), await byUser()]).toEqual([[1, 1], { b: 2 }]);
    await expectAgreement(books);
  });

  it('miss nothing that is counted while they are built, however many builds run at once', async () => {
    const builders = [books.days, bookkeepingOver(books).days];
    for (let round = 1; round <= 12; round += 1) {
      const recorded = Array.from({ length: 3 }, (_, index) =>
        books.recorder.record([event('2026-11-20T09:00:00Z', `u${index}`)]),
      );
      await Promise.all([...builders.map((days) => days.build()), ...recorded]);
      expect(await byUser()).toEqual({ u0: round, u1: round, u2: round });
    }
    await books.days.build();
    expect([await days(), await byUser()]).toEqual([[1, 1], { u0: 12, u1: 12, u2: 12 }]);
    await expectAgreement(books);
  });

  it('are not overwritten by a build that began earlier and ends later', async () => {
    await books.recorder.record([event('2026-11-20T09:00:00Z')]);
    const database = new OvertakenDatabase({ url: books.postgres.url });
    database.overtake = () => books.days.build();
    expect(await bookkeepingOver({ database, clock: books.clock }).days.build()).toBe(0);
    await database.close();
    expect([await days(), await byUser()]).toEqual([[1, 1], { u: 1 }]);
    await expectAgreement(books);
  });

  it('change no report when all of them are lost', async () => {
    await books.recorder.record([event('2026-11-20T09:00:00Z', 'a'), event('2026-11-21T09:00:00Z', 'b')]);
    await books.days.build();
    const before = await byUser();
    const { pool } = books.postgres;
    await pool.query('update usage_days set rolled_up = false');
    await pool.query('truncate usage_daily, usage_daily_callers');
    expect(await byUser()).toEqual(before);
    await books.days.build();
    expect(await byUser()).toEqual(before);
    await expectAgreement(books);
  });

  it.each([
    [
      'roll-ups by hour equal those by day: cost',
      'update usage_daily set cost_picos = cost_picos + 1 where entity = $1',
    ],
    [
      'roll-ups by hour equal those by day: quantities',
      'update usage_daily set input_tokens = input_tokens + 1 where entity = $1',
    ],
    [
      'roll-ups by hour equal those by day: quantities',
      `update usage_daily set other_quantities = '{"search": "1"}' where entity = $1`,
    ],
    [
      'roll-ups by key equal those by user: quantities',
      `update usage_daily_callers set user_other_quantities = array['{"search": "1"}']::jsonb[] where entity = $1`,
    ],
    ['roll-ups by day equal those by key: quantities', 'delete from usage_daily_callers where entity = $1'],
    [
      'roll-ups by key equal those by user: quantities',
      'update usage_daily_callers set user_output_tokens[1] = user_output_tokens[1] + 1 where entity = $1',
    ],
    ['days with usage are known', 'delete from usage_days where entity = $1'],
  ])('that are wrong fail the check "%s", and repair has them rebuilt', async (name, sql) => {
    await books.recorder.record([event('2026-11-20T09:00:00Z')]);
    await books.days.build();
    await books.postgres.pool.query(sql, [entity]);
    const { checks } = await books.reconciliation.run();
    expect(checks.filter(({ ok }) => !ok).map((check) => check.name)).toContain(name);
    await books.database.transaction((tx) => books.repair.repair(tx, { entity, actor: 'test' }));
    expect(await days()).toEqual([0, 1]);
    await books.days.build();
    expect(await days()).toEqual([1, 1]);
    await expectAgreement(books);
  });

  it('of a day that fails delay no other day', async () => {
    await books.recorder.record([event('2026-11-19T09:00:00Z'), event('2026-11-20T09:00:00Z')]);
    books.clock.advance(HOUR_MS);
    const { pool } = books.postgres;
    await pool.query(`alter table usage_daily add constraint no check (day <> '2026-11-19') not valid`);
    await expect(books.days.build()).rejects.toThrow(/no/);
    expect(await days()).toEqual([1, 2]);
    await pool.query('alter table usage_daily drop constraint no');
    expect(await books.days.build()).toBe(1);
  });
});
