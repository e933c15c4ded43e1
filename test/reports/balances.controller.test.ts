import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { TestClock } from '../support/test-clock.js';
import { recordUsage } from '../support/usage.js';

describe('the balance over HTTP', () => {
  const clock = new TestClock();
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp({ clock });
  });
  afterAll(() => app.close());

  it('is exact, and contains what requests in flight hold', async () => {
    const gateway = await app.key('gateway');
    await app.call('PUT /v1/admin/entities/entity4', { body: { plan: 'free' } });
    await app.call('POST /v1/admin/entities/entity4/credits', { body: { amount_usd: '1' } });
    await recordUsage(app, [
      anEvent({ subject: 'entity4/search', quantities: { input: 1 } }),
      anEvent({
        subject: 'entity4/search',
        quantities: { input: 10, cached_input: 5, output: 1 },
      }),
      anEvent({ subject: 'entity4/chat', quantities: { input: 2_000_000 } }),
    ]);
    await app.limit('entity4/search', { monthly_cap_usd: '3' });
    await app.limit('entity4', { overage: 'allowed' });
    const held = { project: 'entity4/search', model: LLAMA, input_tokens: 100, max_output_tokens: 0 };
    expect((await app.call('POST /v1/quota/reservations', { key: gateway, body: held })).status).toBe(201);
    const { body } = await app.call('GET /v1/entities/entity4/balance');
    expect(body).toEqual({
      object: 'balance',
      entity: 'entity4',
      as_of: clock.now().getTime() / 1e3,
      period: '2026-11',
      credits_usd: '0',
      frozen_usd: '0',
      debt_usd: '0',
      held_usd: '0.000071',
      month_to_date_usd: '1.42001207',
      year_to_date_usd: '1.42001207',
      overage_usd: '0.42001207',
      monthly_cap_usd: '100',
      spend_limit_usd: null,
      yearly_cap_usd: null,
      forecast_usd: null,
      projects: [
        {
          project: 'chat',
          month_to_date_usd: '1.42',
          monthly_cap_usd: null,
          spend_limit_usd: null,
        },
        {
          project: 'search',
          month_to_date_usd: '0.00001207',
          monthly_cap_usd: '3',
          spend_limit_usd: null,
        },
      ],
    });
    const usage = await app.call('GET /v1/entities/entity4/usage', {
      key: await app.key('finance', 'entity4'),
    });
    expect(usage.body).toEqual({
      object: 'entity_usage',
      entity: 'entity4',
      group_by: ['project', 'model'],
      start_time: Date.parse('2026-11-01T00:00:00Z') / 1e3,
      end_time: Date.parse('2026-12-01T00:00:00Z') / 1e3,
      data: [
        {
          project: 'chat',
          model: LLAMA,
          requests: 1,
          input_tokens: 2e6,
          cached_input_tokens: 0,
          output_tokens: 0,
          quantities: { input: 2_000_000 },
          cost_usd: '1.42',
          meter_costs_usd: { input: '1.42' },
          unpriced_meters: [],
        },
        {
          project: 'search',
          model: LLAMA,
          requests: 2,
          input_tokens: 11,
          cached_input_tokens: 5,
          output_tokens: 1,
          quantities: { input: 11, cached_input: 5, output: 1 },
          cost_usd: '0.00001207',
          meter_costs_usd: { input: '0.00000781', cached_input: '0.00000355', output: '0.00000071' },
          unpriced_meters: [],
        },
      ],
    });
    const none = await app.call('GET /v1/entities/entity4/usage?start_time=1764547200&end_time=1764550800');
    expect(none.body.data).toEqual([]);
  });

  it('of an unknown entity is not found', async () => {
    expect((await app.call('GET /v1/entities/unknown/balance')).status).toBe(404);
  });
});

describe('the forecast over HTTP', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
  });
  afterAll(() => app.close());

  it('is in the balance and, with its range, on a path of its own; it is capped where the credits end', async () => {
    await app.limit('entity1', { overage: 'allowed', monthly_cap_usd: null });
    const days = [15, 16, 17, 18, 19, 20, 21];
    const usage = (subject: string) =>
      days.map((day) =>
        anEvent({
          subject,
          occurredAt: new Date(`2026-11-${day}T10:00:00Z`),
          quantities: { input: 1_000_000 },
        }),
      );
    await recordUsage(app, usage('entity1/a'));
    // Half of the 22nd and eight more days, at $0.71 each.
    const { body } = await app.call('GET /v1/entities/entity1/forecast', {
      key: await app.key('finance', 'entity1'),
    });
    expect(body).toEqual({
      object: 'forecast',
      entity: 'entity1',
      as_of: Date.parse('2026-11-22T12:00:00Z') / 1000,
      period: '2026-11',
      month_to_date_usd: '4.97',
      forecast_usd: '11.005',
      low_usd: '11.005',
      high_usd: '11.005',
      capped: false,
      reason: null,
    });
    expect((await app.call('GET /v1/entities/entity1/balance')).body.forecast_usd).toBe('11.005');
    await app.limit('entity1/a', { monthly_cap_usd: '10' });
    const capped = await app.call('GET /v1/entities/entity1/forecast');
    expect(capped.body).toMatchObject({ forecast_usd: '10', high_usd: '10', capped: true });
    await recordUsage(app, usage('free/a'));
    const free = await app.call('GET /v1/entities/free/forecast');
    expect(free.body).toMatchObject({ month_to_date_usd: '4.97', forecast_usd: '4.97', capped: true });
  });

  it('is null, with the reason, where there is too little data', async () => {
    const none = {
      forecast_usd: null,
      low_usd: null,
      high_usd: null,
      capped: null,
      reason: 'not_enough_data',
    };
    await app.call('PUT /v1/admin/entities/unused', { body: { plan: 'free' } });
    expect((await app.call('GET /v1/entities/unused/forecast')).body).toMatchObject(none);
    await recordUsage(app, [
      anEvent({ subject: 'young/a', occurredAt: new Date('2026-11-20T10:00:00Z') }),
      anEvent({ subject: 'young/a' }),
    ]);
    expect((await app.call('GET /v1/entities/young/forecast')).body).toMatchObject(none);
    expect((await app.call('GET /v1/entities/young/balance')).body.forecast_usd).toBeNull();
  });
});
