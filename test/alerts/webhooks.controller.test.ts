import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import { aWebhookWorld, type WebhookWorld } from '../support/webhook-world.js';

let world: WebhookWorld;
let { clock, app, receiver, deliveries } = {} as WebhookWorld;
let owner: string;
let stranger: string;
beforeAll(async () => {
  world = await aWebhookWorld();
  ({ clock, app, receiver, deliveries } = world);
  owner = await app.key('owner', 'entity1');
  stranger = await app.key('owner', 'entity2');
});
afterAll(() => world.close());
beforeEach(() => world.reset());

const hook: WebhookWorld['hook'] = (options) => world.hook(options);
const path = (id: string, rest = '') => `/v1/admin/webhooks/${id}${rest}`;

/** Everything that the database keeps outside of the webhook's own row. */
async function everythingKept(): Promise<string> {
  const tables = ['idempotency_keys', 'audit_log', 'webhook_deliveries'];
  const kept = await Promise.all(tables.map((table) => app.postgres.pool.query(`select * from ${table}`)));
  return JSON.stringify(kept.map(({ rows }) => rows));
}

describe('a webhook', () => {
  it('shows its secret to who creates it, and to nobody after', async () => {
    const url = 'https://example.com/hooks?to=finance';
    const made = await app.call('POST /v1/admin/webhooks', {
      body: { url, entity: 'entity1' },
      headers: { 'idempotency-key': 'hook' },
    });
    const { secret, ...shown } = made.body;
    expect([made.status, secret]).toEqual([201, expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/)]);
    expect(shown).toEqual({
      object: 'webhook',
      id: expect.stringMatching(/^hook_/),
      url,
      entity: 'entity1',
      created_at: clock.now().getTime() / 1000,
      rotated_at: null,
      previous_secret_until: null,
      breaker: { state: 'closed', failures: 0, probe_at: null },
    });
    expect((await app.call('GET /v1/admin/webhooks')).body.data).toEqual([shown]);
    expect((await app.call(`GET ${path(shown.id)}`)).body).toEqual(shown);
    expect(await everythingKept()).not.toContain(secret);
    const ended = await app.call(`DELETE ${path(shown.id)}`);
    expect(ended.body).toEqual({ object: 'webhook.deleted', id: shown.id, deleted: true });
    expect((await app.call(`DELETE ${path(shown.id)}`)).status).toBe(404);
    expect((await app.call(`GET ${path(shown.id)}`)).status).toBe(404);
  });

  it('is made once under an idempotency key, whose answer is the same again though no secret is kept with it', async () => {
    const request = {
      body: { url: 'https://example.com', entity: 'entity1' },
      headers: { 'idempotency-key': 'k' },
    };
    const [first, second] = [
      await app.call('POST /v1/admin/webhooks', request),
      await app.call('POST /v1/admin/webhooks', request),
    ];
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect((await app.call('GET /v1/admin/webhooks')).body.data.length).toBe(1);
    const other = { ...request, body: { url: 'https://example.com/other', entity: 'entity1' } };
    expect((await app.call('POST /v1/admin/webhooks', other)).status).toBe(422);
    await app.call(`POST ${path(first.body.id, '/rotate')}`, { body: {} });
    expect((await app.call('POST /v1/admin/webhooks', request)).status).toBe(409);
  });

  it("of an entity is its owner's and an admin's, and for any other key it does not exist", async () => {
    const own = await hook({ key: owner, entity: null });
    const all = await hook({ entity: null });
    const listed = await app.call('GET /v1/admin/webhooks', { key: owner });
    expect(listed.body.data.map(({ id, entity }: { id: string; entity: string }) => [id, entity])).toEqual([
      [own.id, 'entity1'],
    ]);
    const none = await app.call(`GET ${path('hook_none')}`, { key: stranger });
    await app.call(`POST ${path(own.id, '/test')}`, { key: owner });
    const [delivery] = (await app.call(`GET ${path(own.id, '/deliveries')}`)).body.data;
    for (const [key, id] of [
      [stranger, own.id],
      [owner, all.id],
    ] as const) {
      for (const call of [
        `GET ${path(id)}`,
        `DELETE ${path(id)}`,
        `POST ${path(id, '/test')}`,
        `POST ${path(id, '/rotate')}`,
        `GET ${path(id, '/deliveries')}`,
        `GET ${path(id, `/deliveries/${delivery.id}`)}`,
        `POST ${path(id, `/deliveries/${delivery.id}/resend`)}`,
      ]) {
        const options = call.endsWith('rotate') ? { key, body: {} } : { key };
        const { status, body } = await app.call(call, options);
        expect([call, status, body]).toEqual([call, none.status, none.body]);
      }
    }
    const page = await app.call(`GET /v1/admin/webhooks?after=${own.id}`, { key: stranger });
    const unknown = await app.call('GET /v1/admin/webhooks?after=hook_none', { key: stranger });
    expect([page.status, page.body]).toEqual([400, unknown.body]);
    const foreign = { url: 'https://example.com', entity: 'entity2' };
    expect((await app.call('POST /v1/admin/webhooks', { key: owner, body: foreign })).status).toBe(403);
    for (const role of ['finance', 'gateway'] as const) {
      const key = await app.key(role, 'entity1');
      expect((await app.call('GET /v1/admin/webhooks', { key })).status).toBe(403);
    }
  });

  it.each([
    ['ftp://example.com'],
    ['file:///etc/passwd'],
    ['javascript:alert(1)'],
    ['example.com'],
    ['http://user:secret@example.com'],
    ['http://user@example.com'],
    ['https://example.com:25/'],
    [`https://example.com/${'a'.repeat(2_048)}`],
    ['https://example.com/\u0000'],
    [''],
    [5],
    [null],
  ])('is not made for %j', async (url) => {
    const { status, body } = await app.call('POST /v1/admin/webhooks', { body: { url } });
    expect([status, body.error.param]).toEqual([400, 'url']);
  });

  it('is made for no entity that does not exist, and refuses fields that it does not know', async () => {
    const url = 'https://example.com';
    const typo = await app.call('POST /v1/admin/webhooks', { body: { url, entity: 'typo' } });
    expect([typo.status, typo.body.error.param]).toEqual([404, 'entity']);
    const odd = await app.call('POST /v1/admin/webhooks', { body: { url, secret: 'mine' } });
    expect([odd.status, odd.body.error.param]).toEqual([400, 'secret']);
    const query = await app.call('GET /v1/admin/webhooks?entity=entity1');
    expect([query.status, query.body.error.param]).toEqual([400, 'entity']);
  });

  it('is one of at most 20 of an entity, and is listed page by page', async () => {
    const body = { url: 'https://example.com', entity: 'entity9' };
    const made = await Promise.all(
      Array.from({ length: 22 }, () => app.call('POST /v1/admin/webhooks', { body })),
    );
    expect(made.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      ...Array.from({ length: 20 }, () => 201),
      409,
      409,
    ]);
    const seen: string[] = [];
    for (let [after, more] = ['', true]; more;) {
      const page = await app.call(`GET /v1/admin/webhooks?limit=7${after}`);
      seen.push(...page.body.data.map(({ id }: { id: string }) => id));
      [after, more] = [`&after=${page.body.last_id}`, page.body.has_more];
    }
    expect(new Set(seen).size).toBe(20);
    expect(seen.length).toBe(20);
  });
});

describe('a rotation', () => {
  const verified = async (secret: string): Promise<boolean> => {
    const { body, headers } = receiver.received.at(-1)!;
    const { webhooks } = new OpenAI({ apiKey: 'none' });
    return webhooks.verifySignature(body, headers, secret).then(
      () => true,
      () => false,
    );
  };

  async function sent(id: string): Promise<void> {
    await app.call(`POST ${path(id, '/test')}`);
    await deliveries.deliver();
  }

  it('has both secrets sign until its overlap ends, then the new one alone', async () => {
    clock.set(new Date(Math.floor(Date.now() / 1000) * 1000).toISOString());
    const { id, secret: before } = await hook();
    const { body } = await app.call(`POST ${path(id, '/rotate')}`, {
      body: { overlap_seconds: 60 },
      headers: { 'idempotency-key': 'rotate' },
    });
    const now = clock.now().getTime() / 1000;
    expect(body).toMatchObject({ rotated_at: now, previous_secret_until: now + 60 });
    expect(body.secret).not.toBe(before);
    await sent(id);
    expect(receiver.received.at(-1)!.headers['webhook-signature']).toMatch(/^v1,\S{44} v1,\S{44}$/);
    expect([await verified(before), await verified(body.secret)]).toEqual([true, true]);
    const again = await app.call(`POST ${path(id, '/rotate')}`, {
      body: { overlap_seconds: 60 },
      headers: { 'idempotency-key': 'rotate' },
    });
    expect(again.body).toEqual(body);
    clock.advance(60_000);
    await sent(id);
    expect([await verified(before), await verified(body.secret)]).toEqual([false, true]);
    expect((await app.call(`GET ${path(id)}`)).body.previous_secret_until).toBeNull();
    const kept = await everythingKept();
    expect([kept.includes(before), kept.includes(body.secret)]).toEqual([false, false]);
  });

  it('without an overlap ends the old secret at once, and one within an overlap ends the oldest', async () => {
    clock.set(new Date(Math.floor(Date.now() / 1000) * 1000).toISOString());
    const { id, secret: first } = await hook();
    const second = (await app.call(`POST ${path(id, '/rotate')}`, { body: {} })).body.secret;
    const third = (await app.call(`POST ${path(id, '/rotate')}`, { body: {} })).body.secret;
    await sent(id);
    expect([await verified(first), await verified(second), await verified(third)]).toEqual([
      false,
      true,
      true,
    ]);
    const fourth = (await app.call(`POST ${path(id, '/rotate')}`, { body: { overlap_seconds: 0 } })).body;
    expect(fourth.previous_secret_until).toBeNull();
    await sent(id);
    expect([await verified(third), await verified(fourth.secret)]).toEqual([false, true]);
  });

  it.each([-1, 1.5, 604_801, '60', null])('with an overlap of %j is a 400', async (overlap_seconds) => {
    const { id } = await hook();
    const { status, body } = await app.call(`POST ${path(id, '/rotate')}`, { body: { overlap_seconds } });
    expect([status, body.error.param]).toEqual([400, 'overlap_seconds']);
  });
});

describe('the breaker of a webhook', () => {
  it('opens after three failures in a row, is shown, probes, and closes by itself', async () => {
    const { id } = await hook();
    const breaker = async () => (await app.call(`GET ${path(id)}`)).body.breaker;
    receiver.answer(503);
    for (let index = 0; index < 5; index += 1) await app.call(`POST ${path(id, '/test')}`);
    for (let more = 1; more > 0;) more = await deliveries.deliver();
    const now = clock.now().getTime() / 1000;
    expect(await breaker()).toEqual({ state: 'open', failures: 3, probe_at: now + 60 });
    expect(receiver.received.length).toBe(3);
    clock.advance(60_000);
    expect(await breaker()).toEqual({ state: 'half_open', failures: 3, probe_at: null });
    expect(await deliveries.deliver()).toBe(1);
    expect(await breaker()).toEqual({ state: 'open', failures: 4, probe_at: now + 180 });
    clock.advance(120_000);
    receiver.answer(204);
    for (let more = 1; more > 0;) more = await deliveries.deliver();
    expect(await breaker()).toEqual({ state: 'closed', failures: 0, probe_at: null });
  });
});
