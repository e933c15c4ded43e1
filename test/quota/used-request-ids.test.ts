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
      { input_tokens: undefined, input_count: 2 },
      { max_output_tokens: 1 },
      { max_output_tokens: undefined, output_count: 2 },
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

  it('with several outputs is the same request again only with as many', async () => {
    const order = {
      request_id: 'several',
      input_tokens: undefined,
      max_output_tokens: undefined,
      input_count: 2,
    };
    const first = await reserve({ ...order, output_count: 3 });
    const again = await reserve({ ...order, output_count: 3 });
    expect([again.status, again.body.id, again.body.hold_usd]).toEqual([
      201,
      first.body.id,
      first.body.hold_usd,
    ]);
    expect(await statuses([{ ...order, output_count: 4 }, order])).toEqual([409, 409]);
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
