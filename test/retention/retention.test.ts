import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { Chains } from '../../src/access/chains.js';
import { Logger } from '../../src/platform/logger.js';
import { RetentionPruning } from '../../src/retention/retention-pruning.js';
import { monthsBefore, RetentionSettings } from '../../src/retention/retention-settings.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent } from '../support/builders.js';
import { connectRedis, untilReady } from '../support/redis-connection.js';
import { servicesOver, type Services } from '../support/services.js';
import { TestClock } from '../support/test-clock.js';
import { recordUsage } from '../support/usage.js';

const DEFAULTS = {
  object: 'retention',
  events_months: null,
  personal_data_months: 13,
  dead_letters_months: 13,
  conflicts_months: 13,
  jobs_months: 3,
  webhook_deliveries_months: 1,
  mail_deliveries_months: 1,
  idempotency_keys_months: 1,
  audit_log_months: null,
  money_months: null,
  kinds: expect.any(Array),
};

const clock = new TestClock();
let app: TestApp;
let redis: Redis;
let services: Services;
let pruning: RetentionPruning;
beforeAll(async () => {
  app = await anApp({ clock });
  redis = connectRedis(app.redis.url, 'impatient');
  await untilReady(redis);
  services = servicesOver({ database: app.database, clock, redis });
  const webhooks = { prune: () => Promise.resolve(0) } as never;
  const mails = { prune: () => Promise.resolve(0) } as never;
  const settings = new RetentionSettings(app.database, clock);
  pruning = new RetentionPruning(
    app.database,
    settings,
    services.accounts,
    services.idempotency,
    webhooks,
    mails,
    new Chains(app.database, new Logger('silent')),
  );
});
afterAll(async () => {
  redis.disconnect();
  await app.close();
});
beforeEach(() => app.postgres.pool.query('delete from retention_settings'));

const put = (body: object, headers = {}) => app.call('PUT /v1/admin/settings/retention', { body, headers });
const count = async (from: string): Promise<number> =>
  (await app.postgres.pool.query(`select from ${from}`)).rowCount ?? 0;
const sumsOf = async (entity: string) => {
  const { rows } = await app.postgres.pool.query(
    `select (select sum(cost_picos)::text from rated_events where entity = $1) as cost,
       (select sum(requests)::text from usage_daily_callers where entity = $1) as requests,
       (select sum(q)::text from usage_daily_callers c, unnest(user_input_tokens) q where entity = $1) as tokens`,
    [entity],
  );
  return rows[0] as unknown;
};

describe('the settings of retention', () => {
  it('keep money and the audit log for ever, and personal data for thirteen months, unless somebody changes them', async () => {
    expect((await app.call('GET /v1/admin/settings/retention')).body).toEqual(DEFAULTS);
  });

  it('say of every kind of data what becomes of it: by default, at least and at most, and of what nobody sets', async () => {
    const { kinds, ...settings } = (await app.call('GET /v1/admin/settings/retention')).body;
    const set = Object.keys(settings).filter((name) => name.endsWith('_months') && name !== 'money_months');
    type Kind = { setting: string | null; kept: string; min_months: number | null };
    const named = (kinds as Kind[]).filter(({ setting }) => setting !== null);
    expect(new Set(named.map(({ setting }) => setting))).toEqual(new Set(set));
    expect(named.map(({ setting, kept, min_months }) => [setting, kept, min_months])).toEqual(
      expect.arrayContaining([
        ['events_months', 'for ever', 3],
        ['personal_data_months', '13 months', 3],
        ['mail_deliveries_months', '1 month', 1],
      ]),
    );
    expect(kinds.length).toBeGreaterThan(set.length + 3);
    for (const { setting, min_months: least } of named) {
      const refused = await put({ [setting!]: least! - 1 });
      expect([refused.status, refused.body.error.param]).toEqual([400, setting]);
      expect((await put({ [setting!]: least })).status).toBe(200);
      expect((await put({ [setting!]: 1_201 })).status).toBe(400);
    }
  });

  it('are changed kind by kind, null is for ever, and the audit log has before and after', async () => {
    const { status, body } = await put({ personal_data_months: 6, dead_letters_months: null });
    expect([status, body]).toEqual([
      200,
      { ...DEFAULTS, personal_data_months: 6, dead_letters_months: null },
    ]);
    expect((await put({})).body).toEqual(body);
    expect((await app.call('GET /v1/admin/settings/retention')).body).toEqual(body);
    const { data } = (await app.call('GET /v1/admin/audit_log')).body;
    expect(data[1]).toMatchObject({
      action: 'settings.retention',
      before: { personal_data: 13 },
      after: { personal_data: 6, dead_letters: null },
    });
  });

  it.each([
    ['a month too few', { personal_data_months: 2 }, 'personal_data_months'],
    ['no month', { dead_letters_months: 0 }, 'dead_letters_months'],
    ['half a month', { jobs_months: 1.5 }, 'jobs_months'],
    ['a text', { conflicts_months: '13' }, 'conflicts_months'],
    ['a month too few of the audit log', { audit_log_months: 1 }, 'audit_log_months'],
    ['money, which is kept for ever', { money_months: 13 }, 'money_months'],
  ])('refuse %s', async (_, body, param) => {
    const answer = await put(body);
    expect([answer.status, answer.body.error.param]).toEqual([400, param]);
  });

  it('take an idempotency key', async () => {
    const headers = { 'idempotency-key': 'retention-1' };
    await put({ jobs_months: 5 }, headers);
    expect((await put({ jobs_months: 5 }, headers)).headers.get('idempotent-replayed')).toBe('true');
  });

  it('count months of the calendar', () => {
    const before = (at: string, months: number) => monthsBefore(new Date(at), months).toISOString();
    expect(before('2026-11-22T12:00:00Z', 13)).toBe('2025-10-22T12:00:00.000Z');
    expect(before('2026-03-31T00:00:00Z', 1)).toBe('2026-02-28T00:00:00.000Z');
    expect(before('2024-03-31T23:00:00Z', 1)).toBe('2024-02-29T23:00:00.000Z');
    expect(before('2026-01-15T00:00:00Z', 25)).toBe('2023-12-15T00:00:00.000Z');
  });
});

describe('what is kept for too long', () => {
  it('goes by its kind: dead letters, conflicts, ended jobs and idempotency records, and nothing younger', async () => {
    const ages = ['12 months', '14 months'];
    for (const age of ages) {
      await app.postgres.pool.query(
        `insert into dead_letters (entity, id, code, message, payload, status, first_seen_at, last_seen_at)
         values ('e', $1::text, 'c', 'm', '{}', 'open', $2::timestamptz - $1::text::interval, $2::timestamptz - $1::text::interval)`,
        [age, clock.now()],
      );
      await app.postgres.pool.query(
        `insert into usage_conflicts (entity, identity, other_fingerprint, source, event_id, other_content, original_occurred_at, first_seen_at, last_seen_at)
         select 'e', gen_random_uuid(), gen_random_uuid(), 's', 'i', '{}', t, t, t from (select $2::timestamptz - $1::text::interval as t) t`,
        [age, clock.now()],
      );
    }
    for (const age of ['2 months', '4 months']) {
      await app.postgres.pool.query(
        `insert into jobs (id, kind, status, input_hash, result, actor, created_at, finished_at)
         select 'job_' || left($1::text, 1), 'old', 'done', '', '{}', 'a', t, t from (select $2::timestamptz - $1::text::interval as t) t`,
        [age, clock.now()],
      );
      await app.postgres.pool.query(
        `insert into jobs (id, kind, status, input_hash, actor, created_at)
         values ('job_q' || left($1::text, 1), 'old', 'queued', '', 'a', $2::timestamptz - $1::text::interval)`,
        [age, clock.now()],
      );
    }
    for (const age of ['20 days', '40 days']) {
      await app.postgres.pool.query(
        `insert into idempotency_keys (scope, key, request_hash, status, body, created_at)
         values ('*', $1::text, '', 200, '{}', $2::timestamptz - $1::text::interval)`,
        [age, clock.now()],
      );
    }
    const left = () =>
      Promise.all([
        count('dead_letters'),
        count('usage_conflicts'),
        count(`jobs where kind = 'old'`),
        count(`idempotency_keys where key like '%days'`),
      ]);
    expect(await left()).toEqual([2, 2, 4, 2]);
    await put({ dead_letters_months: null });
    await pruning.prune();
    expect(await left()).toEqual([2, 1, 3, 1]);
    await put({ dead_letters_months: 13 });
    await pruning.prune();
    expect(await left()).toEqual([1, 1, 3, 1]);
    expect(await pruning.prune()).toBe(0);
  });

  it('goes from the oldest end of each chain of the audit log, and the chains hold', async () => {
    const change = (plan: string) => app.call('PUT /v1/admin/entities/audited', { body: { plan } });
    clock.set('2020-01-01T00:00:00Z');
    await change('pro');
    await change('free');
    clock.set('2026-11-22T12:00:00Z');
    await change('pro');
    const entries = () => count(`audit_log where entity = 'audited'`);
    await pruning.prune();
    expect(await entries()).toBe(3);
    await put({ audit_log_months: 13 });
    await pruning.prune();
    expect(await entries()).toBe(1);
    expect((await app.call('GET /v1/admin/reconciliation')).body.ok).toBe(true);
  });

  it('of persons is taken out of events and roll-ups by the day, and every sum and count stays', async () => {
    const at = (occurredAt: string, userId: string) =>
      anEvent({
        subject: 'forgetful/p',
        occurredAt: new Date(occurredAt),
        userId,
        requestId: `req_${userId}`,
        tags: { mail: userId },
      });
    clock.set('2025-10-21T12:00:00Z');
    await recordUsage(app, [at('2025-10-20T10:00:00Z', 'old-1'), at('2025-10-20T11:00:00Z', 'old-2')]);
    await recordUsage(app, [at('2025-10-20T12:00:00Z', 'old-2')]);
    clock.set('2026-11-22T12:00:00Z');
    await recordUsage(app, [at('2026-11-20T11:00:00Z', 'new-1'), at('2026-11-20T11:00:00Z', 'new-2')]);
    await services.days.build();
    const before = await sumsOf('forgetful');
    expect(await pruning.forget()).toBeGreaterThan(0);
    const { rows: users } = await app.postgres.pool.query(
      `select day::date::text as day, user_ids, user_requests::text[] from usage_daily_callers where entity = 'forgetful' order by day`,
    );
    expect(users).toEqual([
      { day: '2025-10-20', user_ids: [null], user_requests: ['3'] },
      { day: '2026-11-20', user_ids: ['new-1', 'new-2'], user_requests: ['1', '1'] },
    ]);
    const { rows: events } = await app.postgres.pool.query(
      `select count(*)::int as count, count(user_id)::int as users, count(request_id)::int as requests, count(tags)::int as tags
       from usage_events where entity = 'forgetful'`,
    );
    expect(events).toEqual([{ count: 5, users: 2, requests: 2, tags: 2 }]);
    expect(await sumsOf('forgetful')).toEqual(before);
    expect(await pruning.forget()).toBe(0);
    // What upkeep rolls up again names nobody either.
    await app.postgres.pool.query(`update usage_days set rolled_up = false where entity = 'forgetful'`);
    await services.days.build();
    expect(await sumsOf('forgetful')).toEqual(before);
    expect(await count(`usage_daily_callers where entity = 'forgetful' and 'old-1' = any(user_ids)`)).toBe(0);
    const { body } = await app.call('GET /v1/admin/reconciliation');
    expect(body.checks.filter((check: { ok: boolean }) => !check.ok)).toEqual([]);
  });

  it('of persons stays where it is kept for ever', async () => {
    await put({ personal_data_months: null });
    await app.postgres.pool.query(`update usage_days set without_persons = false`);
    expect(await pruning.forget()).toBe(0);
  });
});
