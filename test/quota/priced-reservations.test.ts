import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type Answer, type TestApp } from '../support/app.js';

describe('reservations by price over HTTP', () => {
  let app: TestApp;
  let gateway: string;
  beforeAll(async () => {
    app = await anApp();
    gateway = await app.key('gateway');
  });
  afterAll(() => app.close());

  const limits = (entity: string, body: object) => app.limit(entity, body);
  const reserve = (entity: string, body: object): Promise<Answer> =>
    app.call('POST /v1/quota/reservations', {
      key: gateway,
      body: { project: `${entity}/project1`, ...body },
    });

  it('a tier and a region are read in one spelling, decide what is held, and are named in the answer', async () => {
    await limits('tiered', { monthly_cap_usd: '10', overage: 'allowed' });
    const tokens = { input_usd_per_million: '1', output_usd_per_million: '2' };
    const variants = [
      { when: { service_tier: 'batch' }, input_usd_per_million: '0.5', output_usd_per_million: '1' },
      { when: { region: 'eu' }, multiplier: '1.1' },
      { when: { prompt_tokens_above: 1_000 }, input_usd_per_million: '3' },
    ];
    const price = { model: 'tiered', ...tokens, request_usd: '0.01', variants };
    expect((await app.call('POST /v1/admin/prices', { body: price })).status).toBe(201);
    const order = { model: 'tiered', input_tokens: 1_000, max_output_tokens: 500 };
    const asked = { ...order, service_tier: ' Batches ', region: 'us', request_id: 'tiered-1' };
    const { status, body } = await reserve('tiered', asked);
    expect([status, body]).toMatchObject([
      201,
      { model: 'tiered', service_tier: 'batch', region: 'us', hold_usd: '0.011' },
    ]);
    const extend = `POST /v1/quota/reservations/${body.id}/extend`;
    const extended = await app.call(extend, { key: gateway, body: { ttl_seconds: 60 } });
    expect(extended.body).toMatchObject({ service_tier: 'batch', region: 'us' });
    expect((await reserve('tiered', { ...asked, service_tier: 'batch' })).body.id).toBe(body.id);
    expect((await reserve('tiered', { ...asked, service_tier: 'flex' })).status).toBe(409);
    const held = async (more: object) => (await reserve('tiered', { ...order, ...more })).body;
    expect(await held({ region: 'us' })).toMatchObject({ hold_usd: '0.012' });
    expect(await held({ region: 'us' })).not.toHaveProperty('service_tier');
    expect(await held({})).toMatchObject({ hold_usd: '0.0132' });
    expect(await held({ region: 'EU' })).toMatchObject({ hold_usd: '0.0132' });
    expect(await held({ input_tokens: 1_001, region: 'us' })).toMatchObject({ hold_usd: '0.014003' });
    for (const wrong of [{ service_tier: 'x'.repeat(65) }, { region: '' }, { service_tier: 1 }]) {
      const refused = await reserve('tiered', { ...order, ...wrong });
      expect([refused.status, refused.body.error.param]).toEqual([400, Object.keys(wrong)[0]]);
    }
  });

  it('a tier without any price is not found, where the model has no other price', async () => {
    await limits('batcher', { monthly_cap_usd: null, overage: 'allowed' });
    const variants = [
      { when: { service_tier: 'batch' }, input_usd_per_million: '1', output_usd_per_million: '1' },
    ];
    const published = await app.call('POST /v1/admin/prices', { body: { model: 'batch-only', variants } });
    expect(published.status).toBe(201);
    const order = { model: 'batch-only', input_tokens: 10, max_output_tokens: 10 };
    expect(await reserve('batcher', order)).toMatchObject({
      status: 404,
      body: { error: { code: 'model_not_found' } },
    });
    expect(await reserve('batcher', { ...order, service_tier: 'batch' })).toMatchObject({ status: 201 });
    expect(await reserve('batcher', { ...order, service_tier: 'auto' })).toMatchObject({ status: 201 });
  });

  it('a model without a price is not found, and a price of nothing is a price', async () => {
    await limits('curious', { monthly_cap_usd: null, overage: 'allowed' });
    const check = () =>
      app.call('GET /v1/quota/check', {
        key: gateway,
        headers: { 'openai-project': 'curious/p', 'x-model': 'free' },
      });
    for (const answer of [await reserve('curious', { model: 'free' }), await check()]) {
      expect([answer.status, answer.body, answer.headers.get('x-should-retry')]).toEqual([
        404,
        {
          error: {
            message: 'The model `free` does not exist or you do not have access to it',
            type: 'invalid_request_error',
            param: 'model',
            code: 'model_not_found',
          },
        },
        'false',
      ]);
    }
    const price = { model: 'free', input_usd_per_million: '0', output_usd_per_million: '0' };
    const published = await app.call('POST /v1/admin/prices?allow_free=true', { body: price });
    expect(published.status).toBe(201);
    expect((await reserve('curious', { model: 'free' })).body).toMatchObject({ hold_usd: '0' });
    expect((await check()).status).toBe(200);
  });
});
