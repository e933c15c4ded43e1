/** A time is the same instant on its way to Postgres and back, whatever zone the session has. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/platform/database.js';
import { instantText, readInstant } from '../../src/platform/instants.js';
import { pgArray } from '../../src/platform/pg-array.js';
import { aDatabase, type TestDatabase } from '../support/database.js';

describe('an instant', () => {
  it.each([
    ['2026-11-01 05:30:00.123+00', '2026-11-01T05:30:00.123Z'],
    ['2026-11-01 01:30:00.123456-04', '2026-11-01T05:30:00.123Z'],
    ['2026-11-01 00:30:00-05', '2026-11-01T05:30:00.000Z'],
    ['2026-11-01 11:00:00+05:30', '2026-11-01T05:30:00.000Z'],
    ['1883-11-18 12:03:57-04:56:02', '1883-11-18T16:59:59.000Z'],
    ['12026-11-01 05:30:00+02', '+012026-11-01T03:30:00.000Z'],
  ])('that Postgres writes as %s is read as %s', (text, instant) => {
    expect(new Date(readInstant(text)).toISOString()).toBe(instant);
  });

  it.each(['11/01/2026 01:30:00 EDT', 'Sun Nov 01 01:30:00 2026 EDT', '01.11.2026 01:30:00 EDT', 'infinity'])(
    'is not guessed from %s',
    (text) => expect(() => readInstant(text)).toThrow('DateStyle must be ISO'),
  );

  it('is sent with its offset', () => {
    expect(instantText(new Date('2026-11-01T05:30:00.123Z'))).toBe('2026-11-01T05:30:00.123Z');
    expect(instantText('2026-11-01T01:30:00-04:00')).toBe('2026-11-01T05:30:00.000Z');
    expect(instantText(new Date('+012026-11-01T00:00:00Z'))).toBe('12026-11-01T00:00:00.000Z');
  });
});

describe.each(['UTC', 'America/New_York', 'Asia/Kolkata'])('a session in %s', (zone) => {
  let postgres: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    postgres = await aDatabase({ timezone: zone });
    database = new Database({ url: postgres.url });
  });
  afterAll(async () => {
    await database.close();
    await postgres.drop();
  });
  const at = new Date('2026-10-31T23:59:59.999Z');
  const next = new Date('2026-11-01T00:00:00.000Z');

  it('has that zone, for nothing asks for another', async () => {
    const [row] = await database.reader.$queryRaw<
      [{ zone: string }]
    >`select current_setting('TimeZone') as zone`;
    expect(row.zone).toBe(zone);
  });

  it('keeps instants in parameters, results, arrays and typed rows', async () => {
    const [row] = await database.reader.$queryRaw<Record<string, unknown>[]>`
      select
        ${at}::timestamptz as back, ${[at, next]}::timestamptz[] as list, ${pgArray([at, next])}::timestamptz[] as literal,
        extract(epoch from ${at}::timestamptz)::text as epoch,
        to_char(${at}::timestamptz at time zone 'UTC', 'YYYY-MM') as month,
        null::timestamptz as nothing, array[null::timestamptz] as nothings`;
    expect(row).toEqual({
      back: at,
      list: [at, next],
      literal: [at, next],
      epoch: '1793491199.999000',
      month: '2026-10',
      nothing: null,
      nothings: [null],
    });
    const data = { at, actor: 'test', action: 'test' };
    expect(await database.transaction((tx) => tx.auditEntry.create({ data }))).toMatchObject({ at });
    const found = await database.reader.auditEntry.findMany({ where: { at: { gte: at, lt: next } } });
    expect(found.map((entry) => entry.at)).toEqual([at]);
    expect(await database.reader.auditEntry.count({ where: { at: { lt: at } } })).toBe(0);
  });

  it('keeps instants in what an export reads', async () => {
    const snapshot = await database.reports.snapshot();
    const text = `select $1::timestamptz as at, date_trunc('day', $1::timestamptz, 'UTC') as day`;
    const rows = [];
    for await (const page of snapshot.pages({ text, values: [at.toISOString()] })) rows.push(...page);
    await snapshot.close();
    expect(rows).toEqual([{ at, day: new Date('2026-10-31T00:00:00Z') }]);
  });
});

it('a session whose DateStyle is not ISO fails aloud', async () => {
  const postgres = await aDatabase();
  const url = new URL(postgres.url);
  url.searchParams.set('options', '-c DateStyle=German');
  const database = new Database({ url: url.href });
  await expect(database.reader.$queryRaw`select now() as at`).rejects.toThrow('DateStyle must be ISO');
  await database.close();
  await postgres.drop();
});
