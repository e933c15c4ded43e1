/** A request id is one request: a used one never runs without a hold, whatever the request asks now. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { TestClock } from '../support/test-clock.js';
import { recordUsage } from '../support/usage.js';

const QWQ = 'cw_Qwen_QwQ-32B';
const MINUTE_MS = 60_000;

describe('a request id', () => {
  const clock = new TestClock();
  let app: TestApp;
  let entity: string;
  let count = 0;
  beforeAll(async () => {
    app = await anApp({ clock });
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    count += 1;
    entity = `asker${count}`;
    await app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'pro' } });
  });

  const reserve = (order: object = {}) =>
    app.call('POST /v1/quota/reservations', {
      body: { project: `${entity}/p`, model: LLAMA, input_tokens: 1_000, max_output_tokens: 0, ...order },
    });
  const statuses = async (orders: readonly object[]) => {
    const answers = [];
    for (const order of orders) answers.push((await reserve(order)).status);
    return answers;
  };
  const held = async () => (await app.call(`GET /v1/entities/${entity}/balance`)).body.held_usd;
  const release = (request_id: string, project = `${entity}/p`) =>
    app.call('POST /v1/quota/reservations/release', { body: { project, request_id } });

  it('with other content is a conflict, in each of what a request says', async () => {
    const first = await reserve({ request_id: 'r' });
    expect(await statuses([{ request_id: 'r' }, { request_id: 'r', service_tier: 'default' }])).toEqual([
      201, 201,
    ]);
    const others = [
      { model: QWQ },
      { model: [LLAMA, QWQ] },
      { input_tokens: 999 },
      { input_tokens: undefined },
      { input_tokens: undefined, input_bytes: 1_000 },
      { max_output_tokens: 1 },
      { max_output_tokens: undefined },
      { service_tier: 'batch' },
      { region: 'eu' },
    ];
    const asked = others.map((other) => ({ request_id: 'r', ...other }));
    expect(await statuses(asked)).toEqual(others.map(() => 409));
    expect(await held()).toBe(first.body.hold_usd);
    // Of another project it is another request.
    expect(await statuses([{ request_id: 'r', project: `${entity}/q` }])).toEqual([201]);
  });

  const ends: [string, (id: string) => Promise<unknown>][] = [
    ['released', (id) => app.call(`POST /v1/quota/reservations/${id}/release`)],
    ['released by its request id', () => release('r')],
    ['booked', (reservationId) => recordUsage(app, [anEvent({ subject: `${entity}/p`, reservationId })])],
    ['expired', async () => clock.advance(15 * MINUTE_MS)],
  ];
  it.each(ends)(
    'is used once its hold is %s: fifty requests by it are refused, and nothing runs without a hold',
    async (_, end) => {
      const { body } = await reserve({ request_id: 'r' });
      await end(body.id);
      const asked = Array.from({ length: 50 }, (_each, index) => ({
        request_id: 'r',
        input_tokens: 1_000 * (index + 1),
      }));
      expect(new Set(await statuses([{ request_id: 'r' }, ...asked]))).toEqual(new Set([409]));
      expect(await held()).toBe('0');
      const again = await reserve({ request_id: 'r' });
      expect(again.body.error).toMatchObject({ code: 'conflict', param: 'request_id' });
      clock.advance(15 * MINUTE_MS);
      expect(await reserve({ request_id: 'r' })).toMatchObject({
        status: 201,
        body: { hold_usd: '0.00071' },
      });
      expect(await held()).toBe('0.00071');
    },
  );

  it('is used where the release or the event arrives first', async () => {
    expect((await release('early')).status).toBe(200);
    expect(await statuses([{ request_id: 'early' }])).toEqual([409]);
  });

  it.each(['shadow', 'off'])('is used where limits are in %s mode, too', async (quota_mode) => {
    await reserve({ request_id: 'r' });
    await release('r');
    await app.call(`PATCH /v1/admin/entities/${entity}/limits`, { body: { quota_mode } });
    expect(await statuses([{ request_id: 'r' }])).toEqual([409]);
  });

  it('without one each request holds for itself', async () => {
    expect(await statuses([{}, {}])).toEqual([201, 201]);
    expect(await held()).toBe('0.00142');
  });

  it('ends its hold in place of the reservation’s id, and again, and for its own entity only', async () => {
    const { body } = await reserve({ request_id: 'r' });
    const bound = await app.key('gateway', 'somebody-else');
    const stranger = await app.call('POST /v1/quota/reservations/release', {
      key: bound,
      body: { project: `${entity}/p`, request_id: 'r' },
    });
    expect(stranger.status).toBe(403);
    const answer = { object: 'quota.reservation', id: body.id, released: true };
    expect((await release('r')).body).toEqual(answer);
    expect((await release('r')).body).toEqual(answer);
    expect(await held()).toBe('0');
    for (const wrong of [
      {},
      { request_id: 'r' },
      { project: `${entity}/p` },
      { project: 'x', request_id: 'r' },
    ]) {
      expect((await app.call('POST /v1/quota/reservations/release', { body: wrong })).status).toBe(400);
    }
  });
});

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
