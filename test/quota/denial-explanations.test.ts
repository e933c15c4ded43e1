import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { NOON } from '../support/quota.js';
import { withRedis } from '../support/data-dir.js';
import { recordUsage } from '../support/usage.js';
import { until } from '../support/until.js';

const NOON_SECONDS = NOON.getTime() / 1_000;

describe('the explanation of a denial', () => {
  let app: TestApp;
  let gateway: string;
  beforeAll(async () => {
    app = await anApp();
    gateway = await app.key('gateway');
  });
  afterAll(() => app.close());

  const reserve = (subject: string, order: object = {}) =>
    app.call('POST /v1/quota/reservations', {
      key: gateway,
      body: { project: subject, model: LLAMA, input_tokens: 1_000, max_output_tokens: 0, ...order },
    });
  const limits = (account: string, body: object) => app.limit(account, body);
  const explain = async (id: string, key = app.adminKey) =>
    app.call(`GET /v1/quota/decisions/${id}`, { key });
  const isKept = (id: string) => until('it is kept', async () => (await explain(id)).status === 200);

  it('says what was booked, held and asked, under which limits, and by which state', async () => {
    await limits('shop', { monthly_cap_usd: '0.003', overage: 'allowed', max_concurrent_requests: 5 });
    await recordUsage(app, [anEvent({ subject: 'shop/web', quantities: { input: 1_000 } })]);
    const holding = await reserve('shop/app');
    const order = { max_output_tokens: 2_000, service_tier: 'batches', region: 'eu', request_id: 'req_1' };
    const denied = await reserve('shop/web', order);
    const id = denied.body.error.details.decision_id;
    expect(denied.headers.get('x-quota-decision')).toBe(id);
    expect(id).toMatch(/^dec_[A-Za-z0-9_-]{21}\.shop$/);
    await isKept(id);
    expect((await explain(id, gateway)).body).toEqual({
      object: 'quota.denial',
      id,
      created_at: NOON_SECONDS,
      project: 'shop/web',
      limit: 'entity_monthly_cap',
      scope: 'shop',
      retryable: true,
      resets_at: 1796083200,
      degraded: false,
      mode: 'enforce',
      asked: {
        kind: 'reservation',
        model: LLAMA,
        input_tokens: 1_000,
        max_output_tokens: 2_000,
        service_tier: 'batch',
        region: 'eu',
        request_id: 'req_1',
        hold_usd: '0.00213',
      },
      booked: { project_month_usd: null, entity_month_usd: '0.00071', entity_year_usd: '0.00071' },
      held: {
        project_usd: '0',
        project_requests: 0,
        entity_usd: '0.00071',
        entity_requests: 1,
        next_to_end: { id: holding.body.id, created_at: NOON_SECONDS, expires_at: NOON_SECONDS + 900 },
      },
      limits: {
        project_monthly_cap_usd: null,
        entity_monthly_cap_usd: '0.003',
        entity_yearly_cap_usd: null,
        credits_usd: null,
        project_requests: null,
        entity_requests: 5,
      },
      state: {
        version: expect.stringMatching(/^[1-9]\d*$/),
        period: '2026-11',
        as_of: NOON_SECONDS,
      },
    });
  });

  it('says, where only holds are in the way, since when and until when the next one of the scope to end is held', async () => {
    await limits('queue', { monthly_cap_usd: '0.002', overage: 'allowed', max_concurrent_requests: 2 });
    await limits('queue/full', { max_concurrent_requests: 1 });
    const timesOf = async (subject: string, order: object = {}) => {
      const { details } = (await reserve(subject, order)).body.error;
      await isKept(details.decision_id);
      const { next_to_end: next } = (await explain(details.decision_id)).body.held;
      expect(next === null ? [] : [next.created_at, next.expires_at]).toEqual(
        [details.held_since, details.held_until].filter((time) => time !== undefined),
      );
      return next?.id ?? null;
    };
    const short = await reserve('queue/other', { ttl_seconds: 60 });
    const long = await reserve('queue/full', { ttl_seconds: 600 });
    // The next one to end belongs to another project, so its end makes no room in this one.
    expect(await timesOf('queue/full')).toBeNull();
    expect(await timesOf('queue/other')).toBe(short.body.id);
    await app.call(`POST /v1/quota/reservations/${short.body.id}/release`, { body: {} });
    expect(await timesOf('queue/full')).toBe(long.body.id);
    expect(await timesOf('queue/other', { input_tokens: 2_000 })).toBe(long.body.id);
    // No hold that ends makes room for this one.
    expect(await timesOf('queue/other', { input_tokens: 9_000 })).toBeNull();
  });

  it('is kept for a check too, and names a newer state after every change', async () => {
    const check = async () => {
      const denied = await app.call('GET /v1/quota/check', {
        key: gateway,
        headers: { 'openai-project': 'poor/p' },
      });
      const id = denied.body.error.details.decision_id;
      await isKept(id);
      return (await explain(id)).body;
    };
    const first = await check();
    expect(first).toMatchObject({
      limit: 'credits',
      asked: { kind: 'check', model: null, hold_usd: null },
      limits: { credits_usd: '0' },
    });
    await limits('poor', { monthly_cap_usd: '1' });
    expect(Number((await check()).state.version)).toBeGreaterThan(Number(first.state.version));
  });

  it('is for the gateway and finance keys of its own entity, and for no other entity', async () => {
    const id = (await reserve('private/p')).body.error.details.decision_id;
    await isKept(id);
    for (const role of ['gateway', 'finance'] as const) {
      expect((await explain(id, await app.key(role, 'private'))).status).toBe(200);
      expect((await explain(id, await app.key(role, 'another'))).status).toBe(403);
    }
  });

  it('is kept for thirty denials of an entity per minute, and missing beyond those', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 40; i += 1) ids.push((await reserve('noisy/p')).body.error.details.decision_id);
    await isKept(ids[29]!);
    const found = await Promise.all(ids.map(async (id) => (await explain(id)).status));
    expect(found).toEqual([...Array<number>(30).fill(200), ...Array<number>(10).fill(404)]);
    const quiet = (await reserve('quiet/p')).body.error.details.decision_id;
    await isKept(quiet);
  });

  it('leaves only keys that expire within a day', async () => {
    const id = (await reserve('gone/p')).body.error.details.decision_id;
    await isKept(id);
    await withRedis(app.redis.url, async (redis) => {
      const keys = await redis.keys('tally:{gone}:denials:*');
      expect(keys).toHaveLength(1);
      const seconds = await redis.ttl(keys[0]!);
      expect([seconds > 86_000, seconds <= 86_400]).toEqual([true, true]);
    });
  });

  it('is not needed for the denial: that is answered while Redis is unavailable', async () => {
    await app.redis.kill();
    const denied = await reserve('outage/p');
    expect([denied.status, denied.body.error.details.decision_id]).toEqual([429, expect.any(String)]);
    expect((await explain(denied.body.error.details.decision_id)).status).toBe(503);
    await app.redis.restart();
  });
});
