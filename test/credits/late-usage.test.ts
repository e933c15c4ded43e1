/** Usage that is counted later than it occurred: which grants pay it. 150 tokens of the model cost $0.0001065. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody, LLAMA } from '../support/builders.js';
import { TestClock } from '../support/test-clock.js';
import { aTestQueue, type TestQueue } from '../support/usage-queue.js';

let app: TestApp;
let clock: TestClock;
let queue: TestQueue;
beforeEach(async () => {
  clock = new TestClock(new Date('2026-11-30T23:59:59Z'));
  app = await anApp({ role: 'all', clock });
  queue = await aTestQueue(app.redis.url);
});
afterEach(async () => {
  await queue.close();
  await app.close();
});

const use = async (time: string, data: object = {}): Promise<void> => {
  const event = anEventBody({ subject: 'late/p', time }, { ...data });
  expect((await app.call('POST /v1/usage/events', { body: event })).status).toBe(202);
  await queue.drained();
};
const grants = async (): Promise<Record<string, string>[]> =>
  (await app.call('GET /v1/admin/entities/late/credits')).body.data;
const balance = async (): Promise<object> => (await app.call('GET /v1/entities/late/balance')).body;
const reserve = async (): Promise<{ status: number; body: { id: string } }> =>
  app.call('POST /v1/quota/reservations', {
    body: { project: 'late/p', model: LLAMA, input_tokens: 100, max_output_tokens: 50 },
  });
const onAllowance = async (usd: string): Promise<void> => {
  await app.call('PUT /v1/admin/plans/gift', { body: { monthly_credit_usd: usd, overage: 'blocked' } });
  await app.call('PUT /v1/admin/entities/late', { body: { plan: 'gift' } });
};

describe('usage of the last second of a month, counted in the next one', () => {
  it('is paid by the allowance that admitted it, and leaves that of the next month whole', async () => {
    await onAllowance('0.0002');
    const { status, body } = await reserve();
    expect(status).toBe(201);
    clock.set('2026-12-01T00:00:02Z');
    await use('2026-11-30T23:59:59Z', { reservation_id: body.id });
    expect(await balance()).toMatchObject({ credits_usd: '0.0002', overage_usd: '0' });
    expect(await grants()).toMatchObject([
      { remaining_usd: '0.0002', burnt_usd: '0', effective_at: Date.parse('2026-12-01') / 1e3 },
      { remaining_usd: '0', burnt_usd: '0.0001065', expired_usd: '0.0000935' },
    ]);
    const statement = await app.call('GET /v1/entities/late/statements/2026-11');
    expect(statement.body).toMatchObject({
      charges: {
        lines: [{ kind: 'usage' }, { kind: 'usage' }, { kind: 'credits_applied', exact_usd: '-0.0001065' }],
        exact_usd: '0',
      },
    });
  });

  it('is paid by the allowance of its month also where nobody has asked for that one before', async () => {
    await onAllowance('0.0002');
    clock.set('2026-12-01T00:00:02Z');
    await use('2026-11-30T23:59:59Z');
    expect(await grants()).toMatchObject([{ burnt_usd: '0' }, { burnt_usd: '0.0001065' }]);
  });

  it('admits nothing from what is left of an expired grant, and shows it as expired', async () => {
    await onAllowance('0.0002');
    await balance();
    await app.call('PUT /v1/admin/plans/gift', { body: { monthly_credit_usd: '0' } });
    clock.set('2026-12-01T00:00:02Z');
    expect(await balance()).toMatchObject({ credits_usd: '0' });
    expect((await reserve()).status).toBe(429);
    expect(await grants()).toMatchObject([
      { remaining_usd: '0', expired_usd: '0.0002', amount_usd: '0.0002' },
    ]);
    const { body } = await app.call('GET /v1/entities/late/activity');
    expect(body.grants).toMatchObject([{ remaining_usd: '0', expired_usd: '0.0002' }]);
  });
});

describe('usage that is counted after a purchase', () => {
  it('is paid by it although it occurred before', async () => {
    await app.call('PUT /v1/admin/entities/late', { body: { plan: 'free' } });
    await app.call('POST /v1/admin/entities/late/credits', { body: { amount_usd: '1' } });
    await use('2026-11-20T00:00:00Z');
    expect(await grants()).toMatchObject([{ burnt_usd: '0.0001065' }]);
  });

  it('is not paid by it if it occurred before the start that the purchase was given', async () => {
    const body = { amount_usd: '1', effective_at: '2026-11-25T00:00:00Z' };
    await app.call('PUT /v1/admin/entities/late', { body: { plan: 'free' } });
    await app.call('POST /v1/admin/entities/late/credits', { body });
    await use('2026-11-20T00:00:00Z');
    await use('2026-11-25T00:00:00Z');
    expect(await grants()).toMatchObject([{ burnt_usd: '0.0001065' }]);
    expect(await balance()).toMatchObject({ overage_usd: '0.0001065' });
  });
});
