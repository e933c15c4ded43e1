import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody, LLAMA } from '../support/builders.js';
import { withRedis } from '../support/data-dir.js';
import { figureIn } from '../support/metrics-text.js';
import { TestClock } from '../support/test-clock.js';
import { statusOf } from '../../src/http/readiness.js';
import { until } from '../support/until.js';

describe('while a server is unavailable', () => {
  const clock = new TestClock();
  let app: TestApp;
  beforeEach(async () => {
    app = await anApp({ clock });
  });
  afterEach(() => app.close());

  const reserve = (key?: string) =>
    app.call('POST /v1/quota/reservations', {
      body: { project: 'entity1/p', model: LLAMA, input_tokens: 1_000, max_output_tokens: 0 },
      ...(key === undefined ? {} : { key }),
    });

  it('Redis: /readyz names it, reporting usage gets a 503, and a purchase succeeds and counts for the next decisions', async () => {
    await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'free' } });
    expect((await reserve()).status).toBe(429);
    await app.redis.kill();
    const ready = await app.call('GET /readyz');
    expect([ready.status, ready.body.checks]).toEqual([200, { postgres: 'ok', redis: 'away' }]);
    expect(ready.body.status).toBe('degraded');
    const reported = await app.call('POST /v1/usage/events', { body: anEventBody() });
    expect([reported.status, reported.body.error]).toEqual([
      503,
      {
        message: 'The engine is currently overloaded, please try again later',
        type: 'server_error',
        param: null,
        code: 'overloaded',
      },
    ]);
    expect(reported.headers.get('retry-after')).toBe('1');
    expect(
      (await app.call('POST /v1/admin/entities/entity1/credits', { body: { amount_usd: '1' } })).status,
    ).toBe(201);
    expect((await reserve()).body).toMatchObject({ degraded: true, hold_usd: '0.00071' });
    await app.redis.restart();
    await until('Redis is back', async () => (await app.call('GET /readyz')).body.status === 'ok');
    const { status, body } = await reserve();
    expect([status, body.degraded]).toEqual([201, undefined]);
    expect((await app.call('POST /v1/usage/events', { body: anEventBody() })).status).toBe(202);
  });

  it.each([
    ['has no memory left', ['maxmemory', '1', '0'], 'OOM'],
    ['misses its replicas', ['min-replicas-to-write', '1', '0'], 'NOREPLICAS'],
  ] as const)(
    'Redis that answers and %s: /readyz and /metrics name it as long as it takes no writes, and usage gets a 503',
    async (_, [setting, broken, mended], code) => {
      const set = (value: string) =>
        withRedis(app.redis.url, async (redis) => {
          await redis.config('SET', setting, value);
          return redis.set('probe', '1').catch(String);
        });
      const says = async () => {
        const [ready, metrics] = [await app.call('GET /readyz'), await app.call('GET /metrics')];
        return [
          ready.status,
          ready.body.status,
          ready.body.checks.redis,
          figureIn(metrics.text, 'tally_redis_up'),
        ];
      };
      expect(await says()).toEqual([200, 'ok', 'ok', 1]);
      expect(await set(broken)).toContain(code);
      expect(await says()).toEqual([200, 'degraded', 'away', 0]);
      expect((await app.call('POST /v1/usage/events', { body: anEventBody() })).status).toBe(503);
      expect(await set(mended)).toBe('OK');
      expect(await says()).toEqual([200, 'ok', 'ok', 1]);
    },
  );

  it('Postgres: /readyz names it, known keys still get decisions, and changes get a 503', async () => {
    const gateway = await app.key('gateway');
    await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'free' } });
    await app.call('POST /v1/admin/entities/entity1/credits', { body: { amount_usd: '1' } });
    expect((await reserve(gateway)).status).toBe(201);
    await app.postgres.drop();
    const ready = await app.call('GET /readyz');
    expect([ready.status, ready.body.status, ready.body.checks]).toEqual([
      200,
      'degraded',
      { postgres: 'away', redis: 'ok' },
    ]);
    clock.advance(6_000);
    expect((await reserve(gateway)).status).toBe(201);
    expect((await reserve('sk-tally-unknown')).status).toBe(503);
    const bought = await app.call('POST /v1/admin/entities/entity1/credits', { body: { amount_usd: '1' } });
    expect([bought.status, bought.body.error.code]).toEqual([503, 'overloaded']);
    clock.advance(16 * 60_000);
    expect((await reserve(gateway)).status).toBe(503);
  });

  it('while Postgres takes no writes, decisions go on and changes get a 503', async () => {
    const gateway = await app.key('gateway');
    await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'free' } });
    await app.call('POST /v1/admin/entities/entity1/credits', { body: { amount_usd: '1' } });
    expect((await reserve(gateway)).status).toBe(201);
    const { rows } = await app.postgres.pool.query('select current_database() as name');
    const turn = async (setting: 'on' | 'off') => {
      await app.postgres.pool.query(
        `alter database ${rows[0].name} set default_transaction_read_only = ${setting}`,
      );
      await app.postgres.pool.query('set default_transaction_read_only = off');
      await app.postgres.pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
      );
    };
    await turn('on');
    await until('it is seen', async () => (await app.call('GET /readyz')).body.checks.postgres === 'away');
    expect((await app.call('GET /readyz')).status).toBe(200);
    const statuses = new Set<number>();
    for (let n = 0; n < 30; n += 1) statuses.add((await reserve(gateway)).status);
    expect(statuses).toEqual(new Set([201]));
    const bought = await app.call('POST /v1/admin/entities/entity1/credits', { body: { amount_usd: '1' } });
    expect([bought.status, bought.headers.get('retry-after')]).toEqual([503, '1']);
    await turn('off');
    await until('it is back', async () => (await app.call('GET /readyz')).body.status === 'ok');
    const after = await app.call('POST /v1/admin/entities/entity1/credits', { body: { amount_usd: '1' } });
    expect(after.status).toBe(201);
  });

  it('both: nothing can be decided, so an API is taken out of rotation', async () => {
    await Promise.all([app.redis.kill(), app.postgres.drop()]);
    const { status, body } = await app.call('GET /readyz');
    expect([status, body]).toEqual([
      503,
      { status: 'unavailable', checks: { postgres: 'away', redis: 'away' } },
    ]);
  });
});

describe('the status of a process', () => {
  it.each([
    ['api', 'ok', 'away', 'degraded'],
    ['api', 'away', 'ok', 'degraded'],
    ['all', 'away', 'ok', 'degraded'],
    ['all', 'away', 'away', 'unavailable'],
    ['worker', 'ok', 'away', 'degraded'],
    ['worker', 'away', 'ok', 'unavailable'],
    ['worker', 'ok', 'ok', 'ok'],
  ] as const)('of the role %s, Postgres %s and Redis %s: %s', (role, postgres, redis, status) => {
    expect(statusOf(role, { postgres, redis })).toBe(status);
  });
});
