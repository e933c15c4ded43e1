/** What a request says of its models, inputs and outputs, and what is held for it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { LLAMA } from '../support/builders.js';
import { TestClock } from '../support/test-clock.js';

const QWQ = 'cw_Qwen_QwQ-32B';

describe('what a request may run on', () => {
  const clock = new TestClock();
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp({ clock });
    await app.call('PUT /v1/admin/entities/e', { body: { plan: 'pro' } });
  });
  afterAll(() => app.close());
  const reserve = (order: object) =>
    app.call('POST /v1/quota/reservations', {
      body: { project: 'e/p', input_tokens: 1_000, max_output_tokens: 0, ...order },
    });

  it('is a list of models, of which the dearest is held, in any sequence', async () => {
    for (const model of [
      [LLAMA, QWQ],
      [QWQ, LLAMA],
      [QWQ, QWQ, LLAMA],
    ]) {
      const { status, body } = await reserve({ model });
      expect([status, body.hold_usd, body.model]).toEqual([201, '0.00071', model[0]]);
      expect(body.fallbacks).toEqual([...new Set(model)].slice(1));
    }
    expect((await reserve({ model: [QWQ] })).body).toMatchObject({ hold_usd: '0.00018', model: QWQ });
    const list = { model: [LLAMA, QWQ], request_id: 'list' };
    const first = await reserve(list);
    expect((await reserve(list)).body.id).toBe(first.body.id);
  });

  it('is denied where one of the list has no price, and names it', async () => {
    const { status, body } = await reserve({ model: [LLAMA, 'nobody-priced-it'] });
    expect([status, body.error.code]).toEqual([404, 'model_not_found']);
    expect(body.error.message).toContain('nobody-priced-it');
  });

  it.each([[[]], [''], [[LLAMA, '']], [[LLAMA, 7]], [7], [Array.from({ length: 9 }, (_, i) => `m${i}`)]])(
    'is no other shape: %j',
    async (model) => {
      const { status, body } = await reserve({ model });
      expect([status, body.error.param]).toEqual([400, expect.stringMatching(/^model/)]);
    },
  );

  it('is bounded by the bytes of its input where the tokens are not known', async () => {
    const unknown = { model: LLAMA, input_tokens: undefined };
    expect((await reserve({ ...unknown, input_bytes: 500 })).body.hold_usd).toBe('0.000355');
    // Known tokens count, and no more than the model takes is held.
    expect((await reserve({ model: LLAMA, input_bytes: 500 })).body.hold_usd).toBe('0.00071');
    const most = (await reserve(unknown)).body.hold_usd;
    expect((await reserve({ ...unknown, input_bytes: 2_000_000_000 })).body.hold_usd).toBe(most);
    for (const input_bytes of [-1, 1.5, '7'])
      expect((await reserve({ ...unknown, input_bytes })).status).toBe(400);
  });

  it('holds as much for each of its inputs and outputs as the model allows, where nothing else bounds them', async () => {
    const body = { model: 'bounded', input_usd_per_million: '1', output_usd_per_million: '100' };
    await app.call('POST /v1/admin/prices', {
      body: { ...body, max_input_tokens: 1_000, max_output_tokens: 100 },
    });
    const holdOf = async (order: object) => {
      const { body: held } = await reserve({ model: 'bounded', input_tokens: undefined, ...order });
      return held.hold_usd;
    };
    const open = { max_output_tokens: undefined };
    expect(await holdOf({ ...open, output_count: 1, input_count: null })).toBe('0.011');
    expect(await holdOf({ ...open, output_count: 3 })).toBe('0.031');
    expect(await holdOf({ ...open, input_count: 2, output_count: 3 })).toBe('0.032');
    expect(await holdOf({ input_count: 20, input_bytes: 5_000 })).toBe('0.005');
    expect(await holdOf({ input_count: 4, input_bytes: 5_000 })).toBe('0.004');
    // What is said is said of all of them together.
    expect(
      await holdOf({ input_tokens: 1_500, input_count: 4, max_output_tokens: 50, output_count: 3 }),
    ).toBe('0.0065');
    for (const count of [0, -1, 1.5, '2', 1_000_001]) {
      const { status, body: refused } = await reserve({ model: LLAMA, output_count: count });
      expect([status, refused.error.param]).toEqual([400, 'output_count']);
      expect((await reserve({ model: LLAMA, input_count: count })).status).toBe(400);
    }
  });

  it('holds the dearest of all sizes up to its bytes, where smaller prompts cost more', async () => {
    await app.call('POST /v1/admin/prices', {
      body: {
        model: 'cheaper-above',
        input_usd_per_million: '10',
        output_usd_per_million: '1',
        max_input_tokens: 10_000,
        variants: [{ when: { prompt_tokens_above: 1_000 }, input_usd_per_million: '1' }],
      },
    });
    const order = { model: 'cheaper-above', input_tokens: undefined };
    expect((await reserve({ ...order, input_bytes: 2_000 })).body.hold_usd).toBe('0.01');
    expect((await reserve({ model: 'cheaper-above', input_tokens: 2_000 })).body.hold_usd).toBe('0.002');
  });

  it('is listed among the holds of its entity, page by page, with age, model and request id, until it ends', async () => {
    await app.call('PUT /v1/admin/entities/listed', { body: { plan: 'pro' } });
    const order = { project: 'listed/p', model: LLAMA };
    const named = {
      ...order,
      model: [LLAMA, 'cw_Qwen_QwQ-32B'],
      request_id: 'r;:/1',
      service_tier: 'batch',
      region: 'eu',
    };
    const first = await reserve({ ...named, ttl_seconds: 60 });
    clock.advance(30_000);
    const second = await reserve({ ...order, input_tokens: undefined, input_bytes: 9, ttl_seconds: 600 });
    const list = (query = '') => app.call(`GET /v1/admin/entities/listed/holds${query}`);
    const { body } = await list();
    expect(body).toMatchObject({
      object: 'list',
      has_more: false,
      first_id: first.body.id,
      last_id: second.body.id,
    });
    expect(body.data[0]).toEqual({
      object: 'quota.hold',
      id: first.body.id,
      kind: 'request',
      project: 'listed/p',
      model: LLAMA,
      fallbacks: ['cw_Qwen_QwQ-32B'],
      request_id: 'r;:/1',
      input_tokens: 1_000,
      max_output_tokens: 0,
      service_tier: 'batch',
      region: 'eu',
      period: '2026-11',
      hold_usd: '0.00071',
      created_at: expect.any(Number),
      age_seconds: 30,
      expires_at: first.body.expires_at,
    });
    expect(body.data[1]).toMatchObject({ age_seconds: 0, request_id: null, input_tokens: null });
    const page = await list('?limit=1');
    expect(page.body).toMatchObject({ has_more: true, last_id: first.body.id });
    expect((await list(`?limit=1&after=${first.body.id}`)).body.data).toMatchObject([{ id: second.body.id }]);
    expect((await app.call(`GET /v1/quota/reservations/${second.body.id}`)).body).toEqual(body.data[1]);
    clock.advance(30_000);
    expect((await list()).body.data).toMatchObject([{ id: second.body.id, age_seconds: 30 }]);
    expect((await app.call(`GET /v1/quota/reservations/${first.body.id}`)).status).toBe(404);
    expect((await list('?after=res_nothing')).body.error).toMatchObject({
      code: 'invalid_request',
      param: 'after',
    });
    expect((await list('?foo=1')).status).toBe(400);
    expect((await app.call('GET /v1/admin/entities/nobody/holds')).status).toBe(404);
    expect((await app.call('GET /v1/quota/reservations/nothing')).status).toBe(404);
  });

  it('is listed for leases too', async () => {
    await app.call('PUT /v1/admin/entities/leased', { body: { plan: 'pro' } });
    const lease_id = `lease_${'a'.repeat(22)}.leased`;
    const answer = await app.call('POST /v1/quota/leases', {
      body: {
        project: 'leased/p',
        lease_id,
        sequence: 7,
        outstanding_usd: '0.5',
        free_usd: '0',
        wanted_usd: '1',
        models: [],
      },
    });
    expect(answer.status).toBe(201);
    const { body } = await app.call('GET /v1/admin/entities/leased/holds');
    expect(body.data).toMatchObject([
      { id: lease_id, kind: 'lease', model: null, input_tokens: null, hold_usd: '1.5', age_seconds: 0 },
    ]);
  });
});
