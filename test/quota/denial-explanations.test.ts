import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { withRedis } from '../support/data-dir.js';
import { recordUsage } from '../support/usage.js';
import { until } from '../support/until.js';

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
    expect((await reserve('shop/app')).status).toBe(201);
    const order = { max_output_tokens: 2_000, service_tier: 'batches', region: 'eu', request_id: 'req_1' };
    const denied = await reserve('shop/web', order);
    const id = denied.body.error.details.decision_id;
    expect(denied.headers.get('x-quota-decision')).toBe(id);
    expect(id).toMatch(/^dec_[A-Za-z0-9_-]{21}\.shop$/);
    await isKept(id);
    expect((await explain(id, gateway)).body).toEqual({
      object: 'quota.denial',
      id,
      created_at: Date.parse('2026-11-22T12:00:00Z') / 1_000,
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
      held: { project_usd: '0', project_requests: 0, entity_usd: '0.00071', entity_requests: 1 },
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
        as_of: Date.parse('2026-11-22T12:00:00Z') / 1_000,
      },
    });
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
