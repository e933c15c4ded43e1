import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Clock } from '../../../src/platform/clock.js';
import { anApp, type TestApp } from '../../support/app.js';
import { anEventBody } from '../../support/builders.js';
import { counted, countedOf } from '../../support/counted.js';
import { until } from '../../support/until.js';
import { aTestQueue, type TestQueue } from '../../support/usage-queue.js';
import { EVENT_PICOS, usage } from './usage.js';

let app: TestApp;
let queue: TestQueue;
beforeAll(async () => {
  app = await anApp({ role: 'all', clock: new Clock() });
  queue = await aTestQueue(app.redis.url, { mayDie: false });
});
afterAll(async () => {
  await queue.close();
  await app.close();
});
afterEach(async () => {
  const { body } = await app.call('GET /v1/admin/reconciliation');
  expect(body.checks.filter((check: { ok: boolean }) => !check.ok)).toEqual([]);
});

const sql = async <Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> =>
  (await app.postgres.pool.query(text, [...values])).rows as Row[];
const countedIn = (entity: string) => countedOf({ sql }, entity);

type Letter = {
  id: string;
  code: string;
  message: string;
  payload: unknown;
  status: string;
  seen_count: number;
};
const letters = async (status = 'open'): Promise<Letter[]> =>
  (await app.call(`GET /v1/admin/dead_letters?status=${status}&limit=100`)).body.data;
const lettersOf = async (entity: string) =>
  ((await app.call(`GET /v1/admin/dead_letters?entity=${entity}&limit=100`)).body.data ?? []) as Letter[];

const now = () => new Date().toISOString();
const event = (entity: string, override: object = {}, data: object = {}) =>
  anEventBody({ subject: `${entity}/p`, time: now(), ...override }, { ...data });
const hoursFromNow = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();

describe('an event that cannot be counted', () => {
  it.each<[string, string, (entity: string) => unknown]>([
    ['a negative count', 'invalid_tokens', (e) => event(e, {}, { usage: { prompt_tokens: -1 } })],
    ['a fraction', 'invalid_tokens', (e) => event(e, {}, { usage: { prompt_tokens: 0.5 } })],
    ['a count as text', 'invalid_tokens', (e) => event(e, {}, { usage: { prompt_tokens: '7' } })],
    ['a count beyond 31 bits', 'invalid_tokens', (e) => event(e, {}, { usage: { prompt_tokens: 2 ** 31 } })],
    ['no count', 'invalid_tokens', (e) => event(e, {}, { usage: {} })],
    [
      'more cached than prompt tokens',
      'invalid_tokens',
      (e) => {
        const usage = { prompt_tokens: 1, prompt_tokens_details: { cached_tokens: 2 } };
        return event(e, {}, { usage });
      },
    ],
    ['a NUL in its id', 'invalid_event', (e) => event(e, { id: 'a\u0000b' })],
    ['a NUL in its model', 'invalid_event', (e) => event(e, {}, { model: 'm\u0000' })],
    ['a NUL in its source', 'invalid_event', (e) => event(e, { source: 'a\u0000b' })],
    ['half a surrogate pair', 'invalid_event', (e) => event(e, {}, { model: '\ud800' })],
    ['another type', 'unknown_type', (e) => event(e, { type: 'com.example.usage' })],
    ['a time too far ahead', 'time_out_of_range', (e) => event(e, { time: hoursFromNow(1) })],
    ['a time too far back', 'time_out_of_range', (e) => event(e, { time: hoursFromNow(-36 * 24) })],
    ['a second that never was', 'invalid_event', (e) => event(e, { time: '2026-11-22T23:59:61Z' })],
  ])(
    'because of %s becomes a dead letter, and the others of its job are counted',
    async (what, code, make) => {
      const entity = `e-${what.replaceAll(/\W+/g, '-')}`;
      const bad = make(entity);
      await queue.add([[...usage(entity, 4), bad, ...usage(entity, 4)], bad]);
      await queue.drained();
      expect(await countedIn(entity)).toEqual(counted(8, 8n * EVENT_PICOS));
      const [letter, ...more] = await lettersOf(entity);
      // What is echoed is well-formed.
      const payload = JSON.parse(JSON.stringify(bad).replaceAll('\\ud800', '\ufffd')) as unknown;
      expect(letter).toMatchObject({ code, status: 'open', seen_count: 2, payload });
      expect(more).toEqual([]);
    },
  );

  it.each([
    ['null', null],
    ['a text', 'usage'],
    ['a number', 42],
    ['an empty object', {}],
    ['an array in an array', [[anEventBody()]]],
    ['an event without an entity', anEventBody({ subject: 'nobody' })],
    ['a job of bad events', Array.from({ length: 1_000 }, (_, index) => ({ index }))],
  ])('because its job holds %s becomes a dead letter, and the queue goes on', async (_, data) => {
    const before = (await sql(`select from dead_letters`)).length;
    await queue.add([data]);
    await queue.drained();
    const count = Array.isArray(data) ? data.length : 1;
    expect(await sql(`select from dead_letters`)).toHaveLength(before + count);
  });

  it('and whatever is odd but valid is counted as it is', async () => {
    const odd = [
      event('odd', { extension: '\u0000', subject: 'odd/p.1_-' }),
      event('odd', { id: '🦄'.repeat(128), source: "'; drop table usage_events; --" }),
      event('odd', { time: now().replace('Z', '+00:00') }, { tags: { 'a"b\\c': '{}",NULL' } }),
      event('odd', {}, { tags: JSON.parse('{"__proto__":"x","constructor":"y"}') }),
      event('odd', {}, { tags: { team: '\u0000' } }),
      event('odd', {}, { user_id: '\ud800' }),
      event('odd', {}, { model: 'NULL', usage: { prompt_tokens: 100, completion_tokens: 50 } }),
    ];
    await queue.add([odd, ...odd]);
    await queue.drained();
    expect(await countedIn('odd')).toEqual(counted(7, 6n * EVENT_PICOS));
    expect(await lettersOf('odd')).toEqual([]);
  });

  it('because its job carries too many becomes a dead letter with the others, and all are counted when they are replayed', async () => {
    await queue.add([usage('large', 2_345)]);
    await queue.drained();
    expect(await countedIn('large')).toEqual(counted(0, 0n));
    const parts = (await letters()).filter(({ code }) => code === 'oversized_job');
    expect(parts.map(({ payload }) => (payload as unknown[]).length).toSorted((a, b) => b - a)).toEqual([
      1_000, 1_000, 345,
    ]);
    const body = { code: 'oversized_job' };
    expect((await app.call('POST /v1/admin/dead_letters/replay', { body })).body).toMatchObject({
      answered: 3,
    });
    await queue.drained();
    expect(await countedIn('large')).toEqual(counted(2_345, 2_345n * EVENT_PICOS));
  });
});

describe('a dead letter', () => {
  it('of a job with an unknown name is counted when it is replayed, once', async () => {
    await queue.add([event('renamed')], 'usage\u0000.v2');
    await queue.drained();
    const [letter] = await lettersOf('renamed').then(async (own) => (own.length > 0 ? own : letters()));
    expect(letter).toMatchObject({ code: 'unknown_job', status: 'open' });
    for (let times = 0; times < 2; times += 1) {
      const answer = await app.call(`POST /v1/admin/dead_letters/${letter!.id}/replay`);
      expect([answer.status, answer.body.status]).toEqual([200, 'replayed']);
    }
    await queue.drained();
    expect(await countedIn('renamed')).toEqual(counted(1, EVENT_PICOS));
  });

  it('that is replayed and refused again is open again', async () => {
    const bad = event('stubborn', { type: 'other' });
    await queue.add([bad]);
    await queue.drained();
    const [letter] = await lettersOf('stubborn');
    await app.call(`POST /v1/admin/dead_letters/${letter!.id}/replay`);
    await queue.drained();
    expect(await lettersOf('stubborn')).toMatchObject([{ status: 'open', seen_count: 2 }]);
    expect(await countedIn('stubborn')).toEqual(counted(0, 0n));
  });

  it('that is discarded stays, is not counted, and is open again when it comes again', async () => {
    const bad = event('given-up', { type: 'other' });
    await queue.add([bad]);
    await queue.drained();
    const [letter] = await lettersOf('given-up');
    await app.call(`POST /v1/admin/dead_letters/${letter!.id}/discard`);
    expect(await lettersOf('given-up')).toMatchObject([{ status: 'discarded', payload: bad }]);
    await queue.add([bad]);
    await queue.drained();
    expect(await lettersOf('given-up')).toMatchObject([{ status: 'open' }]);
    expect(await countedIn('given-up')).toEqual(counted(0, 0n));
  });
});

describe('an event whose data the database refuses', () => {
  it('is found in its batch and becomes a dead letter; the others are counted, and a replay counts it', async () => {
    await sql(`alter table usage_events add constraint poison check (user_id <> 'poison')`);
    const poisoned = event('bisected', {}, { user_id: 'poison' });
    await queue.add([
      [...usage('bisected', 70), poisoned, ...usage('bisected', 29)],
      ...usage('bisected', 20),
    ]);
    await queue.drained();
    expect(await countedIn('bisected')).toEqual(counted(119, 119n * EVENT_PICOS));
    const [letter] = await lettersOf('bisected');
    expect(letter).toMatchObject({ code: 'refused_by_database', payload: poisoned });
    await sql(`alter table usage_events drop constraint poison`);
    await app.call(`POST /v1/admin/dead_letters/${letter!.id}/replay`);
    await queue.drained();
    expect(await countedIn('bisected')).toEqual(counted(120, 120n * EVENT_PICOS));
  });
});

describe('an event that cannot be counted for a fault of ours', () => {
  it('waits, is no dead letter, and holds up no other; it is counted once when that is mended', async () => {
    const spend = `alter table entity_spend add constraint broken check (entity <> 'broken')`;
    await sql(spend);
    await queue.add([
      [...usage('broken', 40), ...usage('whole', 40)],
      ...usage('broken', 20),
      usage('whole', 40),
    ]);
    await until('the others are counted', async () => (await countedIn('whole')).events === 80);
    await until('its jobs are put back', async () => (await queue.queue.getDelayedCount()) > 0);
    expect(await countedIn('broken')).toEqual(counted(0, 0n));
    expect(await lettersOf('broken')).toEqual([]);
    // But for the moments in which they are tried again.
    await until('it is told what they wait for', async () =>
      /tally_usage_waiting\{reason="sql_23514"\} [1-9]/.test((await app.call('GET /metrics')).text),
    );
    await sql(`alter table entity_spend drop constraint broken`);
    await queue.drained();
    expect(await countedIn('broken')).toEqual(counted(60, 60n * EVENT_PICOS));
    expect(await countedIn('whole')).toEqual(counted(80, 80n * EVENT_PICOS));
    expect(await lettersOf('broken')).toEqual([]);
  });
});

describe('a batch that Postgres cannot take', () => {
  it.each([
    ['its disk is full', '53100'],
    ['it has no memory', '53200'],
    ['it has too many connections', '53300'],
    ['a statement takes too long', '57014'],
    ['two transactions deadlock again and again', '40P01'],
    ['something happened that nobody has thought of', 'XX000'],
  ])('because %s fails as a whole, is tried again, and nothing is lost or counted twice', async (_, code) => {
    const entity = `refused-${code}`;
    await sql(`create or replace function refuse() returns trigger language plpgsql as $$
      begin raise exception 'no' using errcode = '${code}'; end $$`);
    await sql(`create trigger refuse before insert on burns for each statement execute function refuse()`);
    await queue.add([usage(entity, 30), ...usage(entity, 10)]);
    await untilPutBack();
    expect(await countedIn(entity)).toEqual(counted(0, 0n));
    await sql(`drop trigger refuse on burns`);
    await queue.drained();
    expect(await countedIn(entity)).toEqual(counted(40, 40n * EVENT_PICOS));
    expect(await lettersOf(entity)).toEqual([]);
  });

  it('because no connection is free waits for one, and is counted once', async () => {
    let release = (): void => {};
    const isReleased = new Promise<void>((resolve) => (release = resolve));
    // Each takes one of the connections that count usage when it begins.
    const taken = Array.from({ length: 4 }, () => app.database.ingest.transaction(() => isReleased));
    await queue.add([usage('patient', 30)]);
    await untilPutBack();
    release();
    await Promise.all(taken);
    await queue.drained();
    expect(await countedIn('patient')).toEqual(counted(30, 30n * EVENT_PICOS));
  });

  async function untilPutBack(): Promise<void> {
    await until('a job is put back', async () => (await queue.queue.getDelayedCount()) > 0);
  }
});
