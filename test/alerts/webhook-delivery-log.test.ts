import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sentAsDocumented } from '../support/alert-world.js';
import { aWebhookWorld, type WebhookWorld } from '../support/webhook-world.js';

let world: WebhookWorld;
let { clock, app, receiver, deliveries } = {} as WebhookWorld;
beforeAll(async () => {
  world = await aWebhookWorld();
  ({ clock, app, receiver, deliveries } = world);
});
afterAll(() => world.close());
beforeEach(() => world.reset());

const hook: WebhookWorld['hook'] = (options) => world.hook(options);
const path = (id: string, rest = '') => `/v1/admin/webhooks/${id}${rest}`;

describe('the deliveries of a webhook', () => {
  it('show what was sent, when, and how each attempt ended', async () => {
    const { id } = await hook();
    receiver.answer(500);
    const made = await app.call(`POST ${path(id, '/test')}`);
    expect([made.status, made.body.status, made.body.attempts]).toEqual([201, 'pending', []]);
    await deliveries.deliver();
    clock.advance(5_000);
    receiver.answer(null);
    await deliveries.deliver();
    clock.advance(300_000);
    receiver.answer(204);
    await deliveries.deliver();
    const { body } = await app.call(`GET ${path(id, `/deliveries/${made.body.id}`)}`);
    const start = Date.parse('2026-11-22T12:00:00Z') / 1000;
    const ms = expect.any(Number);
    expect(body).toEqual({
      object: 'webhook.delivery',
      id: made.body.id,
      webhook: id,
      event: expect.stringMatching(/^evt_/),
      type: 'webhook.test',
      entity: 'entity1',
      status: 'delivered',
      created_at: start,
      next_attempt_at: null,
      attempts: [
        { at: start, status: 500, error: 'status 500', duration_ms: ms },
        { at: start + 5, status: null, error: expect.stringContaining('socket hang up'), duration_ms: ms },
        { at: start + 305, status: 204, error: null, duration_ms: ms },
      ],
      body: receiver.received[0]!.body,
    });
    expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual([
      body.event,
      body.event,
      body.event,
    ]);
    expect(sentAsDocumented(body.body)).toMatchObject({ id: body.event, type: 'webhook.test' });
  });

  it('are listed newest first, by status, page by page', async () => {
    const { id } = await hook();
    const { id: other } = await hook();
    await app.call(`POST ${path(other, '/test')}`);
    const made: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      clock.advance(1_000);
      made.unshift((await app.call(`POST ${path(id, '/test')}`)).body.id);
    }
    await app.postgres.pool.query(`update webhook_deliveries set status = 'failed' where id = $1`, [made[0]]);
    const idsOf = ({ body }: { body: { data: { id: string }[] } }) => body.data.map((each) => each.id);
    const first = await app.call(`GET ${path(id, '/deliveries?limit=2')}`);
    expect([idsOf(first), first.body.has_more]).toEqual([made.slice(0, 2), true]);
    const rest = await app.call(`GET ${path(id, `/deliveries?after=${first.body.last_id}`)}`);
    expect([idsOf(rest), rest.body.has_more]).toEqual([made.slice(2), false]);
    expect(idsOf(await app.call(`GET ${path(id, '/deliveries?status=failed')}`))).toEqual([made[0]]);
    const [{ id: foreign }] = (await app.call(`GET ${path(other, '/deliveries')}`)).body.data;
    for (const query of [`after=${foreign}`, 'after=none']) {
      const refused = await app.call(`GET ${path(id, `/deliveries?${query}`)}`);
      expect([refused.status, refused.body.error.param]).toEqual([400, 'after']);
    }
    for (const query of ['status=open', 'order=oldest', 'limit=0']) {
      const refused = await app.call(`GET ${path(id, `/deliveries?${query}`)}`);
      expect([refused.status, refused.body.error.param]).toEqual([400, query.split('=')[0]]);
    }
    for (const delivery of ['none', foreign]) {
      expect((await app.call(`GET ${path(id, `/deliveries/${delivery}`)}`)).status).toBe(404);
      expect((await app.call(`POST ${path(id, `/deliveries/${delivery}/resend`)}`)).status).toBe(404);
    }
  });

  it('are sent again by hand under the same id, also when they were given up long ago', async () => {
    const { id } = await hook();
    const { body: made } = await app.call(`POST ${path(id, '/test')}`);
    receiver.answer(410);
    for (let day = 0; day < 12; day += 1) {
      await deliveries.deliver();
      clock.advance(86_400_000);
    }
    const failed = await app.call(`GET ${path(id, `/deliveries/${made.id}`)}`);
    expect([failed.body.status, failed.body.attempts.length]).toEqual(['failed', 8]);
    const sent = await app.call(`POST ${path(id, `/deliveries/${made.id}/resend`)}`);
    expect([sent.status, sent.body.status]).toEqual([200, 'pending']);
    receiver.answer(204);
    // Twenty seconds at most, though the webhook was to be left alone for a quarter of an hour.
    clock.advance(20_000);
    await deliveries.prune();
    expect(await deliveries.deliver()).toBe(1);
    const { body } = await app.call(`GET ${path(id, `/deliveries/${made.id}`)}`);
    expect([body.status, body.attempts.length]).toEqual(['delivered', 9]);
    const received = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(new Set(received)).toEqual(new Set([made.event]));
    const again = await app.call(`POST ${path(id, `/deliveries/${made.id}/resend`)}`);
    expect([again.status, again.body.status, again.body.event]).toEqual([200, 'pending', made.event]);
    expect(await deliveries.deliver()).toBe(1);
    const audited = await app.call('GET /v1/admin/audit_log?entity=entity1&limit=1');
    expect(audited.body.data[0]).toMatchObject({ action: 'webhooks.resend', target: id });
  });

  it('keep the newest twenty attempts', async () => {
    const { id } = await hook();
    const { body: made } = await app.call(`POST ${path(id, '/test')}`);
    for (let index = 0; index < 23; index += 1) {
      await deliveries.deliver();
      await app.call(`POST ${path(id, `/deliveries/${made.id}/resend`)}`);
      clock.advance(60_000);
    }
    const { body } = await app.call(`GET ${path(id, `/deliveries/${made.id}`)}`);
    expect(body.attempts.length).toBe(20);
    expect(body.attempts.at(-1).at - body.attempts[0].at).toBe(19 * 60);
  });

  it('are sent again once under an idempotency key', async () => {
    const { id } = await hook();
    const headers = { 'idempotency-key': 'test' };
    const [first, second] = [
      await app.call(`POST ${path(id, '/test')}`, { headers }),
      await app.call(`POST ${path(id, '/test')}`, { headers }),
    ];
    expect(second.body).toEqual(first.body);
    expect((await app.call(`GET ${path(id, '/deliveries')}`)).body.data.length).toBe(1);
  });

  it('hold at most ten tests at a time', async () => {
    const { id } = await hook();
    const statuses = [];
    for (let index = 0; index < 12; index += 1)
      statuses.push((await app.call(`POST ${path(id, '/test')}`)).status);
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 201), 409, 409]);
  });
});
