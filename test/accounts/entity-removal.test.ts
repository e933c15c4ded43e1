import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { connectRedis, untilReady } from '../support/redis-connection.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { recordUsage } from '../support/usage.js';

let app: TestApp;
let redis: Redis;
beforeAll(async () => {
  app = await anApp();
  redis = connectRedis(app.redis.url, 'impatient');
  await untilReady(redis);
});
afterAll(async () => {
  redis.disconnect();
  await app.close();
});

const put = (entity: string, headers = {}) =>
  app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'free' }, headers });
const remove = (entity: string) => app.call(`DELETE /v1/admin/entities/${entity}`);
const reservation = (entity: string, fields = {}) =>
  app.call('POST /v1/quota/reservations', {
    body: { project: `${entity}/p`, model: LLAMA, input_tokens: 1_000, max_output_tokens: 0, ...fields },
  });
const run = (sql: string, values: unknown[] = []) => app.postgres.pool.query(sql, values);

/** Every table with a column that may name an entity, and how many of its rows do. */
const rowsNaming = async (entity: string): Promise<Record<string, number>> => {
  const { rows: columns } = await run(
    `select c.table_name as "table", c.column_name as "column" from information_schema.columns c
     join pg_class t on t.relname = c.table_name and t.relnamespace = 'public'::regnamespace
     where c.table_schema = 'public' and t.relkind in ('r', 'p') and not t.relispartition
       and (c.column_name = 'entity' or (c.table_name, c.column_name) in (('entities', 'name'), ('idempotency_keys', 'scope')))`,
  );
  const found: Record<string, number> = {};
  for (const { table, column } of columns as { table: string; column: string }[]) {
    const { rows } = await run(`select count(*)::int as n from ${table} where ${column} = $1`, [entity]);
    const { n } = rows[0] as { n: number };
    if (n > 0) found[table] = (found[table] ?? 0) + n;
  }
  return found;
};

/** Everything that an entity may have without having used or bought anything. */
const furnish = async (entity: string): Promise<void> => {
  await put(entity, { 'idempotency-key': `make-${entity}` });
  await app.limit(entity, { overage: 'allowed', monthly_cap_usd: '0.0001' });
  await app.limit(`${entity}/p`, { monthly_cap_usd: '5' });
  const owner = await app.key('owner', entity);
  const own = { key: owner, headers: { 'idempotency-key': 'own' } };
  await app.call('POST /v1/organization/spend_limit', {
    ...own,
    body: { threshold_amount: 500, currency: 'USD' },
  });
  const webhook = await app.call('POST /v1/admin/webhooks', {
    body: { url: 'https://1.1.1.1/', entity },
  });
  expect(webhook.status).toBe(201);
  await run(
    `insert into webhook_deliveries (entity, id, webhook_id, event_id, event_type, payload, status, next_attempt_at, queued_at, created_at)
     values ($1, 'd', $2, 'e', 't', '{}', 'pending', now(), now(), now())`,
    [entity, webhook.body.id],
  );
  await run(
    `insert into spend_alerts (entity, id, threshold_picos, recipients, created_at) values ($1, 'sa-' || $1, 5, '{}', now())`,
    [entity],
  );
  await run(
    `insert into alerts (id, entity, kind, below_picos, recipients, created_at) values ('al-' || $1, $1, 'low_balance', 5, '{}', now())`,
    [entity],
  );
  await run(
    `insert into alert_states (entity, alert_id, subject, fired_at) values ($1, 'al-' || $1, '', now()), ($1, 'of-all', '', now())`,
    [entity],
  );
  await run(
    `insert into mail_deliveries (entity, id, event_id, event_type, recipient, subject, body, status, next_attempt_at, queued_at, created_at)
     values ($1, 'm', 'e', 't', 'r', 's', 'b', 'failed', now(), now(), now())`,
    [entity],
  );
  await run(`insert into output_sizes (entity, model, tokens_max, requests) values ($1, $2, 8, 1000)`, [
    entity,
    LLAMA,
  ]);
  await run(
    `insert into dead_letters (entity, id, code, message, payload, status, first_seen_at, last_seen_at)
     values ($1, 'l', 'c', 'm', '{}', 'discarded', now(), now())`,
    [entity],
  );
  await run(
    `insert into usage_conflicts (entity, identity, other_fingerprint, source, event_id, other_content, original_occurred_at, first_seen_at, last_seen_at, reviewed_at, reviewed_by)
     values ($1, gen_random_uuid(), gen_random_uuid(), 's', 'i', '{}', now(), now(), now(), now(), 'a')`,
    [entity],
  );
  await run(
    `insert into jobs (id, kind, entity, status, input_hash, result, actor, created_at, finished_at)
     values ('job_' || $1, 'old', $1, 'done', '', '{}', 'a', now(), now())`,
    [entity],
  );
  await run(`insert into job_parts (job_id, part, content) values ('job_' || $1, 1, 'x')`, [entity]);
  const { data } = (await app.call(`GET /v1/admin/keys?entity=${entity}`)).body;
  for (const { id } of data as { id: string }[]) await app.call(`DELETE /v1/admin/keys/${id}`);
  await run(
    `insert into api_keys (id, name, role, entity, secret_hash, created_at, expires_at)
     values ('key_expired_' || $1, 'n', 'finance', $1, 'h' || $1, '2020-01-01', '2020-01-02')`,
    [entity],
  );
};

describe('an entity that is deleted', () => {
  it('is gone with its projects, for reports and for the next decision, and may be created again', async () => {
    for (let times = 0; times < 3; times += 1) await app.limit('gone', { overage: 'allowed' });
    await app.limit('gone/p', { monthly_cap_usd: '5' });
    const { id } = (await reservation('gone')).body;
    await app.call(`POST /v1/quota/reservations/${id}/release`);
    expect((await remove('gone')).body).toEqual({ object: 'entity.deleted', entity: 'gone', deleted: true });
    expect((await remove('gone')).status).toBe(404);
    expect((await app.call('GET /v1/entities/gone/balance')).status).toBe(404);
    expect((await reservation('gone')).status).toBe(429);
    await app.limit('gone', { overage: 'allowed' });
    expect((await reservation('gone')).status).toBe(201);
    expect((await app.call('GET /v1/admin/entities/gone/projects')).body.data).toEqual([]);
  });

  it('leaves nothing in any table but the audit log and its chain', async () => {
    await furnish('furnished');
    const before = await rowsNaming('furnished');
    expect(Object.keys(before).toSorted()).toEqual(
      [
        'alert_states',
        'alerts',
        'api_keys',
        'audit_log',
        'chain_heads',
        'dead_letters',
        'entities',
        'idempotency_keys',
        'jobs',
        'mail_deliveries',
        'output_sizes',
        'projects',
        'spend_alerts',
        'usage_conflicts',
        'webhook_deliveries',
        'webhooks',
      ].toSorted(),
    );
    expect((await remove('furnished')).status).toBe(200);
    expect(Object.keys(await rowsNaming('furnished')).toSorted()).toEqual(['audit_log', 'chain_heads']);
    expect((await run(`select from job_parts where job_id = 'job_furnished'`)).rowCount).toBe(0);
    expect((await run(`select from alert_states where alert_id = 'al-furnished'`)).rowCount).toBe(0);
    const { data } = (await app.call('GET /v1/admin/audit_log?entity=furnished')).body;
    expect(data[0]).toMatchObject({
      action: 'entities.delete',
      before: { projects: 1, alerts: 2, webhooks: 1, keys: 2 },
      after: null,
    });
    expect((await app.call('GET /v1/admin/reconciliation')).body.ok).toBe(true);
  });

  it('leaves nothing in Redis: no hold, no denial, no used request id, no lease, no state', async () => {
    await furnish('in-redis');
    const held = await reservation('in-redis', { request_id: 'once', input_tokens: 10 });
    expect(held.status).toBe(201);
    expect((await reservation('in-redis', { input_tokens: 1_000_000 })).status).toBe(429);
    await app.call(`POST /v1/quota/reservations/${held.body.id}/release`);
    expect((await reservation('in-redis', { request_id: 'twice', input_tokens: 10 })).status).toBe(201);
    expect((await redis.keys('tally:{in-redis}:*')).length).toBeGreaterThan(2);
    await reservation('in-redis.too', { input_tokens: 10 });
    const others = await redis.keys('tally:{in-redis.too}:*');
    expect((await remove('in-redis')).status).toBe(200);
    expect(await redis.keys('tally:{in-redis}:*')).toEqual([]);
    expect(await redis.keys('tally:{in-redis.too}:*')).toEqual(others);
  });

  it('is nothing to a new one of its name: neither limits nor holds, denials, alerts, keys or stored answers', async () => {
    await furnish('reborn');
    expect((await reservation('reborn', { request_id: 'once', input_tokens: 10 })).status).toBe(201);
    expect((await reservation('reborn', { input_tokens: 1_000_000 })).status).toBe(429);
    await remove('reborn');
    const made = await put('reborn', { 'idempotency-key': 'make-reborn' });
    expect([made.status, made.headers.get('idempotent-replayed')]).toEqual([200, null]);
    expect(made.body).toMatchObject({ overage: 'blocked', monthly_cap_usd: '100', spend_limit_usd: null });
    await app.limit('reborn', { overage: 'allowed' });
    const read = async (path: string) => (await app.call(`GET ${path}`)).body;
    expect((await read('/v1/entities/reborn/denials')).data).toEqual([]);
    expect((await read('/v1/admin/entities/reborn/holds')).data).toEqual([]);
    expect((await read('/v1/admin/keys?entity=reborn')).data).toEqual([]);
    expect((await read('/v1/admin/entities/reborn/projects')).data).toEqual([]);
    expect((await read('/v1/entities/reborn/balance')).held_usd).toBe('0');
    const again = await reservation('reborn', { request_id: 'once', input_tokens: 10 });
    expect(again.status).toBe(201);
    expect(Object.keys(await rowsNaming('reborn')).toSorted()).toEqual([
      'audit_log',
      'chain_heads',
      'entities',
      'idempotency_keys',
    ]);
  });

  it.each<[string, string, (entity: string) => Promise<unknown>]>([
    ['usage', 'usage', (entity) => recordUsage(app, [anEvent({ subject: `${entity}/p` })])],
    [
      'credits',
      'credits',
      (entity) =>
        app.call(`POST /v1/admin/entities/${entity}/credits`, {
          body: { amount_usd: '1' },
          headers: { 'idempotency-key': entity },
        }),
    ],
    ['keys', 'keys', (entity) => app.key('gateway', entity)],
    [
      'prices',
      'prices',
      (entity) =>
        app.call('POST /v1/admin/prices', {
          body: { model: 'm', entity, input_usd_per_million: '1', output_usd_per_million: '1' },
        }),
    ],
    [
      'letters',
      'open dead letters',
      (entity) =>
        run(
          `insert into dead_letters (entity, id, code, message, payload, status, first_seen_at, last_seen_at)
           values ($1, 'l', 'c', 'm', '{}', 'open', now(), now())`,
          [entity],
        ),
    ],
    [
      'conflicts',
      'open conflicts',
      (entity) =>
        run(
          `insert into usage_conflicts (entity, identity, other_fingerprint, source, event_id, other_content, original_occurred_at, first_seen_at, last_seen_at)
           values ($1, gen_random_uuid(), gen_random_uuid(), 's', 'i', '{}', now(), now(), now())`,
          [entity],
        ),
    ],
    [
      'jobs',
      'jobs in progress',
      (entity) =>
        run(
          `insert into jobs (id, kind, entity, status, input_hash, actor, created_at) values ('job_q', 'unknown', $1, 'queued', '', 'a', now())`,
          [entity],
        ),
    ],
    [
      'statements',
      'statements of closed months',
      (entity) =>
        run(
          `insert into closed_periods (entity, period, number, closed_at, opening_picos, purchased_picos, promoted_picos, burnt_picos, burn_reversed_picos, expired_picos, voided_picos, closing_picos, cost_picos, overage_picos, overage_reversed_picos)
           values ($1, '2026-10', 'ST-1', now(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)`,
          [entity],
        ),
    ],
  ])('is not one with %s, which the error names', async (what, named, give) => {
    await put(`has-${what}`);
    await give(`has-${what}`);
    const before = await rowsNaming(`has-${what}`);
    const { status, body } = await remove(`has-${what}`);
    expect([status, body.error.code]).toEqual([409, 'conflict']);
    expect(body.error.message).toContain(named);
    expect(await rowsNaming(`has-${what}`)).toEqual(before);
  });
});
