import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { connectRedis, untilReady } from '../support/redis-connection.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, anEventBody, LLAMA } from '../support/builders.js';
import { recordUsage } from '../support/usage.js';
import { TestClock } from '../support/test-clock.js';

const clock = new TestClock();
let app: TestApp;
let redis: Redis;
let queue: Queue;
beforeAll(async () => {
  app = await anApp({ clock });
  redis = connectRedis(app.redis.url, 'patient');
  await untilReady(redis);
  queue = new Queue('usage-events', { connection: redis });
});
afterAll(async () => {
  await queue.close();
  redis.disconnect();
  await app.close();
});

const look = async () => (await app.call('GET /v1/admin/inbox')).body;

describe('the inbox', () => {
  it('is empty where nobody has anything to do', async () => {
    const nothing = { count: 0, has_more: false, oldest_at: null };
    expect(await look()).toEqual({
      object: 'inbox',
      as_of: clock.now().getTime() / 1_000,
      count: 0,
      dead_letters: { ...nothing, codes: [] },
      conflicts: nothing,
      failed_jobs: nothing,
      unpriced_models: { count: 0, data: [] },
      unread_fields: { count: 0, since: expect.any(Number), data: [] },
      failing_webhooks: { count: 0, data: [] },
      reconciliation: null,
      queue: { waiting: 0, failed: 0, paused: false, oldest_seconds: null, late: false },
    });
  });

  it('counts what waits for a person, and names where to look', async () => {
    const event = anEvent({ subject: 'a/p' });
    await recordUsage(app, [
      event,
      anEvent({ subject: 'a/p', model: 'no-price' }),
      anEvent({ subject: 'a/q', model: 'no-price' }),
      anEvent({ subject: 'b/p', model: 'no-price' }),
      anEvent({ subject: 'b/p', model: 'no-price-either' }),
      anEvent({ subject: 'b/p', unread: ['furlongs', 'leagues'], rawUsage: { furlongs: 1, leagues: 2 } }),
      anEvent({ subject: 'c/p', unread: ['furlongs'], rawUsage: { furlongs: 1 } }),
    ]);
    await recordUsage(app, [{ ...event, quantities: { input: 1 } }]);
    await app.postgres.pool.query(
      `insert into dead_letters (entity, id, code, message, payload, status, first_seen_at, last_seen_at)
       select 'e', 'dl_' || n || '.e', case when n > 2 then 'd' else 'c' end, 'm', '{}', case when n > 3 then 'discarded' else 'open' end, $1::timestamptz, $1::timestamptz
       from generate_series(1, 5) n`,
      [clock.now()],
    );
    await app.postgres.pool.query(
      `insert into webhooks (id, url, secret, created_at, failures, next_at) values
         ('hook_1', 'https://a.example/1', 's', now(), 4, now()), ('hook_2', 'https://a.example/2', 's', now(), 0, now())`,
    );
    await app.call('POST /v1/admin/reconciliation/repair', { body: { entity: 'nobody' } });
    const inbox = await look();
    const at = clock.now().getTime() / 1_000;
    expect(inbox).toMatchObject({
      dead_letters: {
        count: 3,
        has_more: false,
        oldest_at: at,
        codes: [
          { code: 'c', count: 2 },
          { code: 'd', count: 1 },
        ],
      },
      conflicts: { count: 1 },
      failed_jobs: { count: 1 },
      unpriced_models: {
        count: 2,
        data: [
          { model: 'no-price', entities: 2, events: 3 },
          { model: 'no-price-either', entities: 1, events: 1 },
        ],
      },
      unread_fields: {
        count: 2,
        data: [
          { field: 'furlongs', model: LLAMA, events: 2 },
          { field: 'leagues', model: LLAMA, events: 1 },
        ],
      },
      failing_webhooks: { count: 1, data: [{ id: 'hook_1', url: 'https://a.example/1', failures: 4 }] },
    });
    expect(inbox.count).toBe(3 + 1 + 1 + 2 + 2 + 1);
  });

  it('shows what the last reconciliation found', async () => {
    clock.advance(1_000);
    await app.call('GET /v1/admin/reconciliation');
    expect((await look()).reconciliation).toMatchObject({
      ok: true,
      checks: [],
      job: expect.stringMatching(/^job_/),
    });
    await app.postgres.pool.query(
      `update project_spend set cost_picos = cost_picos + 1 where entity = 'a' and project = 'p'`,
    );
    clock.advance(1_000);
    await app.call('GET /v1/admin/reconciliation');
    const { reconciliation } = await look();
    expect([reconciliation.ok, reconciliation.checks.length > 0]).toEqual([false, true]);
    await app.call('POST /v1/admin/reconciliation/repair', { body: { entity: 'a' } });
    clock.advance(1_000);
    await app.call('GET /v1/admin/reconciliation');
    expect((await look()).reconciliation.ok).toBe(true);
  });

  it('shows a queue that is paused, and one whose oldest job has waited for more than a minute', async () => {
    const before = (await look()).count;
    await queue.add('usage', anEventBody(), { timestamp: clock.now().getTime() - 90_000 });
    await queue.add('usage', anEventBody(), { timestamp: clock.now().getTime() });
    await queue.pause();
    const { queue: state, count } = await look();
    expect(state).toMatchObject({ waiting: 2, paused: true, late: true, failed: 0, oldest_seconds: 90 });
    expect(count).toBe(before + 2);
    await queue.resume();
    await queue.obliterate();
  });

  it.each([
    ['usage that waits', 'usage_events where unpriced_meters is not null order by entity, series_id limit 1'],
    [
      'unread fields',
      `usage_events where details -> 'unread' is not null and occurred_at > now() - interval '7 days' limit 9`,
    ],
    ['dead letters', `dead_letters where status = 'open' order by last_seen_at limit 9`],
    ['conflicts', 'usage_conflicts where reviewed_at is null order by last_seen_at limit 9'],
    ['failed jobs', `jobs where status = 'failed' and created_at > now() limit 9`],
  ])('finds %s by an index that fits', async (_, from) => {
    const client = await app.postgres.pool.connect();
    await client.query('begin; set local enable_seqscan = off; set local enable_sort = off');
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain select from ${from}`);
    await client.query('rollback');
    client.release();
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toMatch(/Index/);
    expect(plan).not.toMatch(/Seq Scan|Sort/);
  });

  it('is for admins of all entities alone', async () => {
    for (const key of [await app.key('finance'), await app.key('gateway')])
      expect((await app.call('GET /v1/admin/inbox', { key })).status).toBe(403);
  });
});
