import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { UsageMonths } from '../../src/metering/usage-months.js';
import { Logger } from '../../src/platform/logger.js';
import { sqlStateOf } from '../../src/platform/postgres-errors.js';
import { Recorder } from '../../src/metering/recorder.js';
import { theBooks, type Books } from '../support/books.js';
import { anEvent } from '../support/builders.js';
import { until } from '../support/until.js';

describe('the months of usage', () => {
  let books: Books;
  let months: UsageMonths;
  beforeAll(async () => {
    books = await theBooks();
    months = new UsageMonths(books.database, books.clock, new Logger('silent'));
  });
  afterAll(() => books.close());

  const existing = async (): Promise<string[]> => {
    const { rows } = await books.postgres.pool.query<{ name: string }>(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'usage_events'::regclass order by 1`,
    );
    return rows.map(({ name }) => name.replace('usage_events_', ''));
  };
  const eventCount = async (entity: string): Promise<number> => {
    const { rowCount } = await books.postgres.pool.query('select from usage_events where entity = $1', [
      entity,
    ]);
    return rowCount ?? 0;
  };
  /** The recorder as it is, without the months that a test's makes itself. */
  const record = (at: string, entity: string) =>
    Recorder.prototype.record.call(books.recorder, [
      anEvent({ subject: `${entity}/p`, occurredAt: new Date(at) }),
    ]);

  it('are made from where events are still accepted to two months ahead, once', async () => {
    books.clock.set('2027-03-10T00:00:00Z');
    expect(await months.ensure()).toBe(5);
    expect(await existing()).toEqual(['2027_01', '2027_02', '2027_03', '2027_04', '2027_05']);
    expect(await months.ensure()).toBe(0);
  });

  it('have the indexes and constraints that the table has, and no others', async () => {
    const { rows } = await books.postgres.pool.query<{ indexes: string; constraints: string }>(
      `select
         (select count(*) from pg_index i where i.indrelid = c.oid) as indexes,
         (select count(*) from pg_constraint k where k.conrelid = c.oid) as constraints
       from pg_class c where c.oid in ('usage_events'::regclass, 'usage_events_2027_03'::regclass)`,
    );
    expect(rows[0]).toEqual(rows[1]);
  });

  it('are made by two processes at once without an error', async () => {
    books.clock.set('2028-01-31T23:59:59.999Z');
    const made = await Promise.all(Array.from({ length: 4 }, () => months.ensure()));
    expect(made.reduce((sum, count) => sum + count, 0)).toBe(4);
  });

  it('are made while a transaction has read all usage and stays open, and usage of a new month is counted meanwhile', async () => {
    const reader = await books.postgres.pool.connect();
    try {
      await reader.query('begin isolation level repeatable read');
      await reader.query('select count(*) from usage_events');
      books.clock.set('2029-06-15T00:00:00Z');
      await months.ensure();
      await record('2029-08-01T00:00:00Z', 'beside-a-reader');
      expect(await eventCount('beside-a-reader')).toBe(1);
      await reader.query('select count(*) from usage_events');
    } finally {
      await reader.query('commit');
      reader.release();
    }
  });

  it('are made while a batch that writes usage is open, and that batch commits', async () => {
    const writer = await books.postgres.pool.connect();
    try {
      await writer.query('begin');
      await writer.query('lock table usage_events in row exclusive mode');
      books.clock.set('2030-06-15T00:00:00Z');
      expect(await months.ensure()).toBe(4);
    } finally {
      await writer.query('commit');
      writer.release();
    }
  });

  it('whose usage comes before they are made leave the batch uncounted, and it is counted when they are there', async () => {
    const refused = await record('2035-01-01T00:00:00Z', 'too-early').catch((error: unknown) => error);
    expect(sqlStateOf(refused)).toBe('23514');
    books.clock.set('2035-01-01T00:00:00Z');
    await months.ensure();
    await record('2035-01-01T00:00:00Z', 'too-early');
    expect(await eventCount('too-early')).toBe(1);
  });

  it('are made when Postgres takes connections again, for it may be another one', async () => {
    books.clock.set('2036-01-31T00:00:00Z');
    await books.postgres.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    );
    await until('the months are made', async () => (await existing()).includes('2036_03'));
    expect(await existing()).toContain('2036_01');
  });
});
