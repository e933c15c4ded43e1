import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type Answer, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { NOON } from '../support/quota.js';
import { recordUsage } from '../support/usage.js';

describe('reservations and decisions over HTTP', () => {
  let app: TestApp;
  let gateway: string;
  beforeAll(async () => {
    app = await anApp();
    gateway = await app.key('gateway');
  });
  afterAll(() => app.close());

  const limits = (entity: string, body: object) => app.limit(entity, body);
  const reserve = (entity: string, body: object = {}): Promise<Answer> =>
    app.call('POST /v1/quota/reservations', {
      key: gateway,
      body: {
        project: `${entity}/project1`,
        model: LLAMA,
        input_tokens: 812,
        max_output_tokens: 1024,
        ...body,
      },
    });

  it('a reservation says what it holds, until when, and what other holds leave', async () => {
    await limits('entity1', { monthly_cap_usd: '10', overage: 'allowed' });
    const { status, body } = await reserve('entity1', { request_id: 'req_1' });
    expect([status, body]).toEqual([
      201,
      {
        object: 'quota.reservation',
        id: expect.stringMatching(/^res_[A-Za-z0-9_-]{22}\.entity1$/),
        project: 'entity1/project1',
        model: LLAMA,
        period: '2026-11',
        hold_usd: '0.00130356',
        hold_basis: 'requested',
        expires_at: Date.parse('2026-11-22T12:15:00Z') / 1e3,
        remaining: {
          credits_usd: null,
          project_cap_usd: null,
          entity_cap_usd: '10',
        },
      },
    ]);
    expect((await reserve('entity1', { request_id: 'req_1' })).body.id).toBe(body.id);
    expect((await reserve('entity1', { request_id: 'req_1', input_tokens: 1 })).status).toBe(409);
  });

  it('without credits the quota error is what OpenAI’s clients expect', async () => {
    const { status, body, headers } = await reserve('poor');
    expect([status, body]).toEqual([
      429,
      {
        error: {
          message: 'You exceeded your current quota, please check your plan and billing details',
          type: 'insufficient_quota',
          param: null,
          code: 'insufficient_quota',
          details: {
            limit: 'credits',
            scope: 'poor',
            spent_usd: '0',
            limit_usd: '0',
            held_usd: '0',
            resets_at: null,
            decision_id: expect.any(String),
          },
        },
      },
    ]);
    expect(headers.get('x-quota-limit')).toBe('credits');
    expect(headers.get('x-should-retry')).toBe('false');
    expect(headers.get('retry-after')).toBeNull();
  });

  it('the denial by used-up credits says what was granted and what of it is spent', async () => {
    const buy = (amount_usd: string) =>
      app.call('POST /v1/admin/entities/spender/credits', { body: { amount_usd } });
    await app.call('PUT /v1/admin/entities/spender', { body: { plan: 'free' } });
    await buy('0.001');
    const voided = await buy('0.5');
    await app.call(`POST /v1/admin/entities/spender/credits/${voided.body.id}/void`, {
      body: { reason: 'test' },
    });
    await recordUsage(app, [anEvent({ subject: 'spender/project1', quantities: { input: 1_000 } })]);
    const { body } = await reserve('spender');
    expect(body.error.details).toMatchObject({
      limit: 'credits',
      spent_usd: '0.50071',
      limit_usd: '0.501',
      held_usd: '0',
    });
  });

  it('the denial by a cap says when it resets', async () => {
    await limits('capped', { monthly_cap_usd: '0.001', overage: 'allowed' });
    const { body, headers } = await reserve('capped');
    expect(body.error.details).toEqual({
      limit: 'entity_monthly_cap',
      scope: 'capped',
      spent_usd: '0',
      limit_usd: '0.001',
      held_usd: '0',
      set_by: 'admin',
      resets_at: 1796083200,
      decision_id: expect.any(String),
    });
    expect(headers.get('x-quota-limit')).toBe('entity_monthly_cap');
  });

  it('a limit that only requests in flight exceed is the rate limit error, which may be retried', async () => {
    await limits('held', { monthly_cap_usd: '0.002', overage: 'allowed' });
    const first = await reserve('held');
    const { status, body, headers } = await reserve('held');
    expect([status, body.error]).toEqual([
      429,
      {
        message: 'Requests in flight hold the rest of your quota, please retry when they have finished',
        type: 'requests',
        param: null,
        code: 'rate_limit_exceeded',
        details: {
          limit: 'entity_monthly_cap',
          scope: 'held',
          spent_usd: '0',
          limit_usd: '0.002',
          held_usd: '0.00130356',
          set_by: 'admin',
          resets_at: 1796083200,
          held_since: NOON.getTime() / 1_000,
          held_until: first.body.expires_at,
          decision_id: expect.any(String),
        },
      },
    ]);
    expect([headers.get('retry-after'), headers.get('retry-after-ms')]).toEqual(['1', '1000']);
    expect(headers.get('x-should-retry')).toBeNull();
    for (let times = 0; times < 2; times += 1) {
      const release = await app.call(`POST /v1/quota/reservations/${first.body.id}/release`, {
        key: gateway,
      });
      expect([release.status, release.body]).toEqual([
        200,
        { object: 'quota.reservation', id: first.body.id, released: true },
      ]);
    }
    expect((await reserve('held')).status).toBe(201);
  });

  it('the denial by requests in flight names the limit', async () => {
    await limits('few', { monthly_cap_usd: null, overage: 'allowed', max_concurrent_requests: 1 });
    await reserve('few');
    const { body, headers } = await reserve('few');
    expect(body.error).toMatchObject({
      code: 'rate_limit_exceeded',
      details: {
        limit: 'concurrency',
        scope: 'few',
        requests_in_flight: 1,
        requests_max: 1,
        resets_at: null,
        held_since: NOON.getTime() / 1_000,
      },
    });
    expect(headers.get('x-quota-limit')).toBe('concurrency');
  });

  it('an extension prolongs the hold, and is a 404 once the hold has ended', async () => {
    const { body } = await reserve('entity1', { ttl_seconds: 60 });
    const extend = () =>
      app.call(`POST /v1/quota/reservations/${body.id}/extend`, { key: gateway, body: { ttl_seconds: 900 } });
    expect((await extend()).body).toMatchObject({
      id: body.id,
      expires_at: body.expires_at + 840,
      hold_usd: '0.00130356',
    });
    await app.call(`POST /v1/quota/reservations/${body.id}/release`, { key: gateway });
    expect((await extend()).status).toBe(404);
  });

  it('a check decides without holding', async () => {
    const check = (entity: string) =>
      app.call('GET /v1/quota/check', {
        key: gateway,
        headers: { 'openai-project': `${entity}/p`, 'x-model': LLAMA },
      });
    await limits('checked', { monthly_cap_usd: '1', overage: 'allowed' });
    expect((await check('checked')).body).toEqual({
      object: 'quota.decision',
      allowed: true,
      project: 'checked/p',
      period: '2026-11',
      remaining: {
        credits_usd: null,
        project_cap_usd: null,
        entity_cap_usd: '1',
      },
    });
    await limits('checked', { monthly_cap_usd: '0' });
    const denied = await check('checked');
    expect([denied.status, denied.headers.get('x-quota-limit')]).toEqual([429, 'entity_monthly_cap']);
  });

  it('each decision is counted once, under the limit that denied', async () => {
    const counts = async () => {
      const { text } = await app.call('GET /metrics');
      const lines = text.matchAll(
        /^tally_quota_decisions_total\{decision="(\w+)",mode="enforce",degraded="false",source="redis"\} (\d+)$/gm,
      );
      return new Map([...lines].map(([, decision, count]) => [decision, Number(count)]));
    };
    const before = await counts();
    const none = { monthly_cap_usd: null, yearly_cap_usd: null, overage: 'allowed' };
    await limits('counted', none);
    expect((await reserve('counted')).status).toBe(201);
    const passes = [
      ['credits', () => limits('counted', { ...none, overage: 'blocked' })],
      ['entity_yearly_cap', () => limits('counted', { ...none, yearly_cap_usd: '0' })],
      ['entity_monthly_cap', () => limits('counted', { monthly_cap_usd: '0' })],
      ['project_monthly_cap', () => app.limit('counted/project1', { monthly_cap_usd: '0' })],
      ['concurrency', () => limits('counted', { max_concurrent_requests: 1 })],
    ] as const;
    for (const [limit, pass] of passes) {
      await pass();
      expect((await reserve('counted')).headers.get('x-quota-limit')).toBe(limit);
    }
    const after = await counts();
    const names = ['allowed', ...passes.map(([limit]) => limit)];
    expect(names.map((name) => after.get(name)! - (before.get(name) ?? 0))).toEqual(names.map(() => 1));
  });
});

describe('QUOTA_DENIED_STATUS=402', () => {
  it('is the status of the quota error, and of no other', async () => {
    const app = await anApp({ environment: { QUOTA_DENIED_STATUS: '402' } });
    try {
      const body = { project: 'entity1/project1', model: LLAMA };
      expect((await app.call('POST /v1/quota/reservations', { body })).status).toBe(402);
      await app.limit('entity1', { monthly_cap_usd: null, overage: 'allowed', max_concurrent_requests: 1 });
      expect((await app.call('POST /v1/quota/reservations', { body })).status).toBe(201);
      expect((await app.call('POST /v1/quota/reservations', { body })).status).toBe(429);
    } finally {
      await app.close();
    }
  });
});
