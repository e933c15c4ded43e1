import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { servicesOver } from '../support/services.js';
import { TestClock } from '../support/test-clock.js';
import { connectRedis, untilReady } from '../../src/platform/redis.js';

describe('credits, balance and usage over HTTP', () => {
  const clock = new TestClock();
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp({ clock });
  });
  afterAll(() => app.close());

  const buy = (entity: string, body: object) =>
    app.call(`POST /v1/admin/entities/${entity}/credits`, { body });

  it('a grant is answered whole, with exact decimals and its defaults', async () => {
    const { status, body } = await buy('entity1', {
      amount_usd: '500.000000000001',
      reference: 'inv_42',
      note: 'November',
      expires_at: '2027-11-22T00:00:00Z',
    });
    expect([status, body]).toEqual([
      201,
      {
        object: 'credit_grant',
        id: expect.stringMatching(/^grant_/),
        entity: 'entity1',
        category: 'paid',
        priority: 50,
        amount_usd: '500.000000000001',
        remaining_usd: '500.000000000001',
        burnt_usd: '0',
        voided_usd: '0',
        expired_usd: '0',
        reference: 'inv_42',
        note: 'November',
        effective_at: Date.parse('2026-11-22T12:00:00Z') / 1e3,
        expires_at: Date.parse('2027-11-22T00:00:00Z') / 1e3,
        created_at: Date.parse('2026-11-22T12:00:00Z') / 1e3,
      },
    ]);
    const { body: list } = await app.call('GET /v1/admin/entities/entity1/credits');
    expect(list).toMatchObject({ object: 'list', data: [body], has_more: false });
  });

  it('a void takes what is left, and the ledger shows both movements, newest first', async () => {
    const { body: grant } = await buy('entity2', { amount_usd: '7', category: 'promotional' });
    const path = `POST /v1/admin/entities/entity2/credits/${grant.id}/void`;
    const voided = await app.call(path, { body: { reason: 'mistake' } });
    expect([voided.status, voided.body]).toMatchObject([200, { remaining_usd: '0', voided_usd: '7' }]);
    expect((await app.call(path, { body: { reason: 'again' } })).body).toMatchObject({ voided_usd: '7' });
    const first = await app.call('GET /v1/admin/entities/entity2/ledger?limit=1');
    expect(first.body).toMatchObject({
      has_more: true,
      data: [{ kind: 'void', amount_usd: '7', reference: 'mistake' }],
    });
    const second = await app.call(
      `GET /v1/admin/entities/entity2/ledger?limit=1&after=${first.body.last_id}`,
    );
    expect(second.body).toMatchObject({ has_more: false, data: [{ kind: 'promotion', grant: grant.id }] });
  });

  it("another entity's grant is a 404 under this one", async () => {
    const { body: grant } = await buy('entity2', { amount_usd: '7' });
    const path = `POST /v1/admin/entities/entity1/credits/${grant.id}/void`;
    expect((await app.call(path, { body: { reason: 'x' } })).status).toBe(404);
  });

  it('the balance is exact, and holds are in it', async () => {
    const gateway = await app.key('gateway');
    await buy('entity4', { amount_usd: '1' });
    const redis = connectRedis(app.redis.url, 'quota');
    await untilReady(redis);
    const { recorder } = servicesOver({ database: app.database, clock, redis });
    await recorder.record([
      anEvent({ subject: 'entity4/search', tokens: { inputTokens: 1, outputTokens: 0 } }),
      anEvent({
        subject: 'entity4/search',
        tokens: { inputTokens: 10, cachedInputTokens: 5, outputTokens: 1 },
      }),
      anEvent({ subject: 'entity4/chat', tokens: { inputTokens: 2_000_000, outputTokens: 0 } }),
    ]);
    redis.disconnect();
    await app.call('PATCH /v1/admin/entities/entity4/projects/search/limits', {
      body: { monthly_cap_usd: '3' },
    });
    await app.call('PATCH /v1/admin/entities/entity4/limits', { body: { overage: 'allowed' } });
    const held = { project: 'entity4/search', model: LLAMA, input_tokens: 100, max_output_tokens: 0 };
    expect((await app.call('POST /v1/quota/reservations', { key: gateway, body: held })).status).toBe(201);
    const { body } = await app.call('GET /v1/entities/entity4/balance');
    expect(body).toEqual({
      object: 'balance',
      entity: 'entity4',
      as_of: clock.now().getTime() / 1e3,
      period: '2026-11',
      credits_usd: '0',
      held_usd: '0.000071',
      month_to_date_usd: '1.42001207',
      year_to_date_usd: '1.42001207',
      overage_usd: '0.42001207',
      monthly_cap_usd: '100',
      yearly_cap_usd: null,
      forecast_usd: null,
      projects: [
        {
          project: 'chat',
          month_to_date_usd: '1.42',
          monthly_cap_usd: null,
        },
        {
          project: 'search',
          month_to_date_usd: '0.00001207',
          monthly_cap_usd: '3',
        },
      ],
    });
    const usage = await app.call('GET /v1/entities/entity4/usage', {
      key: await app.key('finance', 'entity4'),
    });
    expect(usage.body).toEqual({
      object: 'entity_usage',
      entity: 'entity4',
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
          cost_usd: '1.42',
        },
        {
          project: 'search',
          model: LLAMA,
          requests: 2,
          input_tokens: 11,
          cached_input_tokens: 5,
          output_tokens: 1,
          cost_usd: '0.00001207',
        },
      ],
    });
    const none = await app.call('GET /v1/entities/entity4/usage?start_time=1764547200&end_time=1764550800');
    expect(none.body.data).toEqual([]);
  });

  it('an entity that nobody has seen has nothing, and the default plan', async () => {
    expect((await app.call('GET /v1/entities/stranger/balance')).body).toMatchObject({
      credits_usd: '0',
      held_usd: '0',
      month_to_date_usd: '0',
      monthly_cap_usd: '100',
      projects: [],
    });
  });

  it("a plan's monthly credit shows in the balance, once", async () => {
    await app.call('PUT /v1/admin/plans/gift', { body: { monthly_credit_usd: '5' } });
    await app.call('PUT /v1/admin/entities/gifted', { body: { plan: 'gift' } });
    for (let times = 0; times < 2; times += 1) {
      expect((await app.call('GET /v1/entities/gifted/balance')).body).toMatchObject({ credits_usd: '5' });
    }
    const reservation = { project: 'gifted/p', model: LLAMA };
    expect((await app.call('POST /v1/quota/reservations', { body: reservation })).status).toBe(201);
  });
});
