import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { insertDeadLetters } from '../../src/metering/dead-letters.sql.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, anEventBody } from '../support/builders.js';
import { servicesOver, type Services } from '../support/services.js';
import { TestClock } from '../support/test-clock.js';
import { recordUsage } from '../support/usage.js';

const MARY = 'mary.shelley@villa-diodati.ch';
const CLAIRE = 'claire@villa-diodati.ch';
const PERCY = 'percy@villa-diodati.ch';

const clock = new TestClock();
let app: TestApp;
let redis: Redis;
let services: Services;
beforeAll(async () => {
  app = await anApp({ clock });
  redis = new Redis(app.redis.url);
  services = servicesOver({ database: app.database, clock, redis });
});
afterAll(async () => {
  redis.disconnect();
  await app.close();
});

/** Every row of every table, as text. */
const dump = async (): Promise<string> => {
  const { rows: tables } = await app.postgres.pool.query<{ name: string }>(
    `select quote_ident(relname) as name from pg_class
     where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1`,
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const { rows } = await app.postgres.pool.query<{ text: string }>(
      `select coalesce(string_agg(to_jsonb(t)::text, E'\\n'), '') as text from ${name} t`,
    );
    texts.push(`${name}\n${rows[0]!.text}`);
  }
  return texts.join('\n');
};
const inRedis = async (): Promise<string> => {
  const texts: string[] = [];
  for (const key of await redis.keys('*')) {
    const type = await redis.type(key);
    if (type === 'hash') texts.push(JSON.stringify(await redis.hgetall(key)));
    if (type === 'string') texts.push((await redis.get(key)) ?? '');
  }
  return texts.join('\n');
};
const namedIn = (text: string, name: string) => text.split('\n').filter((line) => line.includes(name));
const erase = (entity: string, body: object, headers = {}) =>
  app.call(`POST /v1/admin/entities/${entity}/erase`, { body, headers });
const totals = async (entity: string) => {
  const { rows } = await app.postgres.pool.query(
    `select (select sum(cost_picos)::text from rated_events where entity = $1) as events,
       (select sum(cost_picos)::text from usage_hourly where entity = $1) as hours,
       (select sum(requests)::text from usage_daily_callers where entity = $1) as callers,
       (select json_agg(c order by c.period) from closed_periods c where entity = $1) as closed`,
    [entity],
  );
  return rows[0] as Record<string, unknown>;
};
const isAgreed = async () => {
  const { body } = await app.call('GET /v1/admin/reconciliation');
  return body.checks.filter((check: { ok: boolean }) => !check.ok) as unknown[];
};

const deadLetter = (entity: string, body: object) =>
  app.database.transaction((tx) =>
    insertDeadLetters(tx, [
      {
        code: 'invalid_tokens',
        message: 'data.usage.prompt_tokens: must be a count',
        payload: JSON.stringify(body),
        jobId: null,
        entity,
        project: 'p',
        source: '/gateways/test',
        eventId: 'e',
      },
    ]),
  );

/** A person everywhere that a person can be: events of several days and of a closed month, roll-ups, a conflict, a dead letter, a queued job. */
const everywhere = async (entity: string): Promise<void> => {
  const subject = `${entity}/p`;
  const of = (day: string, override: object) =>
    anEvent({ subject, occurredAt: new Date(`${day}T10:00:00Z`), ...override });
  const raw = { unread: ['furlongs'], rawUsage: { furlongs: 3, caller: MARY } };
  const events = [
    of('2026-10-20', { userId: MARY, requestId: 'req_october' }),
    of('2026-11-20', { userId: MARY, tags: { mail: MARY, team: 'a' } }),
    of('2026-11-20', { userId: PERCY, tags: { mail: PERCY } }),
    of('2026-11-21', { userId: PERCY, tags: { friend: MARY } }),
    of('2026-11-22', { ...raw }),
    of('2026-11-22', { userId: null, tags: { team: 'b' } }),
  ];
  await recordUsage(app, events);
  await recordUsage(app, [{ ...events[1]!, quantities: { input: 7 } }]);
  const bad = anEventBody({ subject }, { user_id: MARY, tags: { mail: MARY }, usage: { prompt_tokens: -1 } });
  await deadLetter(entity, bad);
};

describe('a person who is erased', () => {
  it('is nowhere in the database any more, and no amount or count has changed', async () => {
    await app.call('POST /v1/admin/entities/entity1/credits', { body: { amount_usd: '1' } });
    await everywhere('entity1');
    await everywhere('entity2');
    clock.set(new Date('2026-11-24T00:00:00Z'));
    await services.days.build();
    await services.periods.closePeriods();
    const before = await totals('entity1');
    expect(namedIn(await dump(), MARY).length).toBeGreaterThan(6);
    const { status, body } = await erase('entity1', { user_id: MARY });
    expect([status, body]).toMatchObject([
      200,
      { object: 'erasure', entity: 'entity1', events: 4, conflicts: 1 },
    ]);
    await services.days.build();
    const after = await dump();
    expect(namedIn(after, MARY).filter((line) => line.includes('entity1'))).toEqual([]);
    expect(await totals('entity1')).toEqual(before);
    expect(await isAgreed()).toEqual([]);
    // Nobody else, and no other customer's person of the same name.
    expect(namedIn(after, PERCY).filter((line) => line.includes('entity1')).length).toBeGreaterThan(0);
    expect(namedIn(after, MARY).filter((line) => line.includes('entity2')).length).toBeGreaterThan(6);
    await erase('entity2', { user_id: MARY });
    expect(namedIn(await dump(), MARY)).toEqual([]);
    expect(namedIn(await inRedis(), MARY)).toEqual([]);
  });

  it('by a tag is gone with all that described those events, and other tags stay', async () => {
    await everywhere('tagged');
    const { body } = await erase('tagged', { tag: { name: 'mail', value: PERCY } });
    expect(body).toMatchObject({ events: 1 });
    const rows = namedIn(await dump(), 'tagged');
    expect(rows.filter((line) => line.includes(`"mail": "${PERCY}"`))).toEqual([]);
    expect(rows.filter((line) => line.includes(`"mail": "${MARY}"`)).length).toBeGreaterThan(0);
    expect(rows.filter((line) => line.includes('"team": "b"')).length).toBeGreaterThan(0);
    expect(await isAgreed()).toEqual([]);
  });

  it('is taken out of usage that still waits in the queue', async () => {
    const body = [MARY, PERCY, MARY].map((user_id, n) =>
      anEventBody(
        { subject: 'queued/p', id: `q${n}` },
        { user_id, tags: { mail: user_id }, request_id: user_id },
      ),
    );
    await app.call('PUT /v1/admin/entities/queued', { body: { plan: 'pro' } });
    expect((await app.call('POST /v1/usage/events', { body })).body.accepted).toBe(3);
    expect(await inRedis()).toContain(MARY);
    const erased = await erase('queued', { user_id: MARY });
    expect(erased.body).toMatchObject({ queued_events: 2, events: 0 });
    const left = await inRedis();
    expect([left.includes(MARY), left.includes(PERCY), left.includes('q0'), left.includes('q2')]).toEqual([
      false,
      true,
      true,
      true,
    ]);
  });

  it('whose event is sent again is a duplicate, and no conflict', async () => {
    const event = anEvent({ subject: 'again/p', userId: MARY, requestId: 'r', tags: { mail: MARY } });
    await recordUsage(app, [event]);
    await erase('again', { user_id: MARY });
    await recordUsage(app, [event]);
    const { rows } = await app.postgres.pool.query(
      `select (select count(*)::int from usage_conflicts where entity = 'again') as conflicts, requests::int
       from usage_hourly where entity = 'again'`,
    );
    expect(rows).toEqual([{ conflicts: 0, requests: 1 }]);
    await recordUsage(app, [{ ...event, quantities: { input: 1 } }]);
    const { rows: other } = await app.postgres.pool.query(
      `select from usage_conflicts where entity = 'again'`,
    );
    expect(other.length).toBe(1);
  });

  it('is found as it was stored: a name that was too long was cut, and a number is text', async () => {
    const long = 'x'.repeat(400);
    await recordUsage(app, [
      anEvent({ subject: 'odd/p', userId: long.slice(0, 256) }),
      anEvent({ subject: 'odd/p', userId: '42' }),
    ]);
    for (const user_id of [42, long]) {
      const body = anEventBody({ subject: 'odd/p' }, { user_id, usage: { prompt_tokens: -1 } });
      await deadLetter('odd', body);
    }
    expect((await erase('odd', { user_id: long })).body.events).toBe(1);
    expect((await erase('odd', { user_id: '42' })).body.events).toBe(1);
    expect(namedIn(await dump(), 'x'.repeat(200))).toEqual([]);
  });

  it('leaves in the audit log by what and how many, and never who', async () => {
    await recordUsage(app, [anEvent({ subject: 'audited/p', userId: CLAIRE })]);
    await erase('audited', { user_id: CLAIRE }, { 'idempotency-key': 'erase-1' });
    const again = await erase('audited', { user_id: CLAIRE }, { 'idempotency-key': 'erase-1' });
    expect([again.body.events, again.headers.get('idempotent-replayed')]).toEqual([1, 'true']);
    const { data } = (await app.call('GET /v1/admin/audit_log?entity=audited')).body;
    const entries = data.filter(({ action }: { action: string }) => /erase|jobs/.test(action));
    expect(entries).toMatchObject([
      { action: 'entities.erase', target: null, before: null, after: { by: 'user_id', events: 1 } },
      { action: 'jobs.start', after: { kind: 'erasure', by: 'user_id' } },
    ]);
    expect(namedIn(await dump(), CLAIRE)).toEqual([]);
  });
});

describe('an order to erase', () => {
  it.each([
    ['nobody', {}, 400, 'body'],
    ['two ways at once', { user_id: 'a', tag: { name: 'b', value: 'c' } }, 400, 'body'],
    ['an empty name', { user_id: '' }, 400, 'user_id'],
    ['half a tag', { tag: { name: 'mail' } }, 400, 'tag.value'],
    ['what it does not know', { user_id: 'a', everything: true }, 400, 'everything'],
  ])('for %s is refused with its field', async (_, body, status, param) => {
    const answer = await erase('entity1', body);
    expect([answer.status, answer.body.error.param]).toEqual([status, param]);
  });

  it('for an entity that does not exist is a 404', async () => {
    expect((await erase('nobody', { user_id: 'a' })).status).toBe(404);
  });
});

describe('the rights of the service', () => {
  it('let it have persons removed from events, and nothing of an event changed', async () => {
    const { reader } = app.database;
    const attempts = [
      () => reader.$executeRaw`update usage_events set user_id = 'somebody'`,
      () => reader.$executeRaw`update usage_events set input_tokens = 0`,
      () => reader.$executeRaw`delete from usage_events`,
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toThrow(/permission denied/);
  });
});

describe('what is stored of persons', () => {
  it('is in columns that an erasure knows: a new one has to be added to it', async () => {
    const { rows } = await app.postgres.pool.query<{ name: string }>(
      `select table_name || '.' || column_name as name from information_schema.columns
       where table_schema = 'public' and table_name !~ '^usage_events_'
         and table_name in (select relname from pg_class where relkind in ('r', 'p') and not relispartition)
         and column_name ~ '(^|_)(user|users|request_id|mail|email|tags|payload|content|details|raw|input|parts?)(_|$|s$)'
         and data_type not in ('bigint', 'integer', 'numeric')
       order by 1`,
    );
    expect(rows.map(({ name }) => name)).toEqual(
      [
        // Of the admin's own call.
        'audit_log.request_id',
        'dead_letters.payload',
        // Of a price map, and gone with its job.
        'job_parts.content',
        // Gone when the job has ended.
        'jobs.input',
        'jobs.input_hash',
        'usage_conflicts.other_content',
        'usage_daily_callers.user_ids',
        'usage_daily_callers.user_input_tokens',
        'usage_daily_callers.user_cached_input_tokens',
        'usage_daily_callers.user_other_quantities',
        'usage_daily_callers.user_output_tokens',
        'usage_daily_callers.user_requests',
        'usage_events.details',
        'usage_events.request_id',
        'usage_events.tags',
        'usage_events.user_id',
        // Of alerts, which name entities and projects.
        'webhook_deliveries.payload',
      ].toSorted(),
    );
  });
});
