import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { until } from '../support/until.js';
import { recordUsage } from '../support/usage.js';

/** The cost of 1,000 tokens of Llama, which is what `reserve` holds. */
const HOLD_USD = '0.00071';

describe('the quota mode of an entity', () => {
  let app: TestApp;
  let gateway: string;
  let entity: string;
  let count = 0;
  beforeAll(async () => {
    app = await anApp();
    gateway = await app.key('gateway');
  });
  afterAll(() => app.close());
  beforeEach(() => {
    count += 1;
    entity = `moded${count}`;
  });

  const change = async (body: object) => {
    const answer = await app.limit(entity, body);
    expect(answer.status).toBe(200);
    return answer.body;
  };
  const reserve = (order: object = {}) =>
    app.call('POST /v1/quota/reservations', {
      key: gateway,
      body: { project: `${entity}/p`, model: LLAMA, input_tokens: 1_000, max_output_tokens: 0, ...order },
    });
  const check = () =>
    app.call('GET /v1/quota/check', { key: gateway, headers: { 'openai-project': `${entity}/p` } });
  const held = async () => (await app.call(`GET /v1/entities/${entity}/balance`)).body.held_usd;
  const counted = async (labels: string) => {
    const { text } = await app.call('GET /metrics');
    const line = text
      .split('\n')
      .find((each) => each.startsWith(`tally_quota_decisions_total{${labels},source="redis"}`));
    return Number(line?.split(' ').at(-1) ?? 0);
  };

  it('is enforce until an admin changes it, and the change is in the audit log', async () => {
    await app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'free' } });
    const shown = async () => (await app.call(`GET /v1/admin/entities/${entity}`)).body.quota_mode;
    expect(await shown()).toBe('enforce');
    expect((await change({ quota_mode: 'shadow' })).quota_mode).toBe('shadow');
    expect((await change({ monthly_cap_usd: '7' })).quota_mode).toBe('shadow');
    expect(await shown()).toBe('shadow');
    const { body } = await app.call(`GET /v1/admin/audit_log?entity=${entity}`);
    expect(body.data[1]).toMatchObject({
      action: 'limits.change',
      before: { quota_mode: 'enforce' },
      after: { quota_mode: 'shadow' },
    });
    const refused = await app.limit(entity, { quota_mode: 'dry-run' });
    expect([refused.status, refused.body.error.param]).toEqual([400, 'quota_mode']);
  });

  it('shadow admits and holds what enforce denies, and says so in the answer, the metrics and the explanation', async () => {
    await change({ quota_mode: 'shadow' });
    const before = await counted('decision="credits",mode="shadow",degraded="false"');
    const { status, body } = await reserve();
    expect([status, body]).toEqual([
      201,
      expect.objectContaining({
        hold_usd: HOLD_USD,
        mode: 'shadow',
        shadow_denial: {
          limit: 'credits',
          scope: entity,
          retryable: false,
          decision_id: expect.stringMatching(/^dec_/),
        },
      }),
    ]);
    expect(await held()).toBe(HOLD_USD);
    expect(await counted('decision="credits",mode="shadow",degraded="false"')).toBe(before + 1);
    const id = body.shadow_denial.decision_id;
    await until('it is kept', async () => (await app.call(`GET /v1/quota/decisions/${id}`)).status === 200);
    const explained = await app.call(`GET /v1/quota/decisions/${id}`, { key: gateway });
    expect(explained.body).toMatchObject({
      id,
      limit: 'credits',
      mode: 'shadow',
      asked: { hold_usd: HOLD_USD },
    });
    const checked = await check();
    expect([checked.status, checked.body]).toEqual([
      200,
      expect.objectContaining({
        mode: 'shadow',
        shadow_denial: expect.objectContaining({ limit: 'credits' }),
      }),
    ]);
  });

  it('shadow names no denial where there is none, and its holds end like any other', async () => {
    await change({ quota_mode: 'shadow', overage: 'allowed', max_concurrent_requests: 1 });
    const first = await reserve();
    expect(first.body).toMatchObject({ mode: 'shadow' });
    expect(first.body).not.toHaveProperty('shadow_denial');
    const second = await reserve();
    expect(second.body.shadow_denial).toMatchObject({ limit: 'concurrency', retryable: true });
    const quantities = { input: 1_000 };
    await recordUsage(app, [anEvent({ subject: `${entity}/p`, reservationId: first.body.id, quantities })]);
    await app.call(`POST /v1/quota/reservations/${second.body.id}/release`, { key: gateway });
    expect(await held()).toBe('0');
    expect((await reserve()).body).not.toHaveProperty('shadow_denial');
  });

  it('off admits without a hold, and the usage counts anyway', async () => {
    await change({ quota_mode: 'off' });
    const before = await counted('decision="allowed",mode="off",degraded="false"');
    const { status, body } = await reserve();
    expect([status, body]).toEqual([
      201,
      expect.objectContaining({ hold_usd: '0', hold_basis: 'none', mode: 'off' }),
    ]);
    expect(body).not.toHaveProperty('shadow_denial');
    expect((await check()).body).toMatchObject({ allowed: true, mode: 'off' });
    expect(await held()).toBe('0');
    expect(await counted('decision="allowed",mode="off",degraded="false"')).toBe(before + 2);
    const quantities = { input: 1_000 };
    await recordUsage(app, [anEvent({ subject: `${entity}/p`, reservationId: body.id, quantities })]);
    const { body: balance } = await app.call(`GET /v1/entities/${entity}/balance`);
    expect([balance.month_to_date_usd, balance.overage_usd]).toEqual([HOLD_USD, HOLD_USD]);
  });

  it('counts for the next decision, whichever way it changes', async () => {
    const verdicts = [];
    for (const quota_mode of ['enforce', 'off', 'enforce', 'shadow', 'enforce']) {
      await change({ quota_mode });
      verdicts.push([quota_mode, (await reserve()).status, (await check()).status]);
    }
    expect(verdicts).toEqual([
      ['enforce', 429, 429],
      ['off', 201, 200],
      ['enforce', 429, 429],
      ['shadow', 201, 200],
      ['enforce', 429, 429],
    ]);
  });

  it('is respected while Redis is unavailable', async () => {
    await change({ quota_mode: 'shadow' });
    const shadow = entity;
    entity = `${entity}-off`;
    await change({ quota_mode: 'off' });
    await app.redis.kill();
    expect((await reserve()).body).toMatchObject({ mode: 'off', hold_usd: '0', degraded: true });
    entity = shadow;
    expect((await reserve()).body).toMatchObject({
      hold_usd: HOLD_USD,
      mode: 'shadow',
      shadow_denial: { limit: 'credits' },
      degraded: true,
    });
    expect((await check()).body).toMatchObject({ mode: 'shadow', shadow_denial: { limit: 'credits' } });
    await app.redis.restart();
  });
});
