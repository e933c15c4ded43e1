import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';

let app: TestApp;
let owner: string;
let stranger: string;
let finance: string;
beforeAll(async () => {
  app = await anApp({
    environment: { SMTP_URL: 'smtp://127.0.0.1:65535', SMTP_FROM: 'billing@example.com' },
  });
  for (const entity of ['entity1', 'entity2'])
    await app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'pro' } });
  owner = await app.key('owner', 'entity1');
  stranger = await app.key('owner', 'entity2');
  finance = await app.key('finance', 'entity1');
});
afterAll(() => app.close());

const OWN = '/v1/organization/alerts';
const ALL = '/v1/admin/alerts';
const NONE = {
  project: null,
  below_usd: null,
  within_days: null,
  cap: null,
  share_percent: null,
  older_than_seconds: null,
};

describe('alerts', () => {
  it.each([
    [{ kind: 'low_balance', below_usd: '12.5' }, {}],
    [{ kind: 'credits_running_out', within_days: 7 }, {}],
    [{ kind: 'cap_share', share_percent: 80 }, { cap: 'monthly' }],
    [{ kind: 'cap_share', share_percent: 80, cap: 'yearly' }, {}],
    [{ kind: 'cap_share', share_percent: 1, cap: 'monthly', project: 'search' }, {}],
    [{ kind: 'unpriced_usage' }, {}],
    [{ kind: 'unread_fields' }, {}],
  ])('%j is made, read, replaced and deleted by the owner', async (order, defaults) => {
    const made = await app.call(`POST ${OWN}`, { key: owner, body: order });
    expect([made.status, made.body]).toEqual([
      201,
      {
        object: 'alert',
        id: expect.stringMatching(/^alert_/),
        entity: 'entity1',
        ...NONE,
        ...order,
        ...defaults,
        notification_channel: { type: 'email', recipients: [], subject_prefix: null },
        undeliverable: expect.stringMatching(/^nobody is told/),
        created_at: app.clock.now().getTime() / 1000,
      },
    ]);
    const path = `${OWN}/${made.body.id}`;
    expect((await app.call(`GET ${path}`, { key: finance })).body).toEqual(made.body);
    const channel = { type: 'email', recipients: ['a@example.com'], subject_prefix: 'Tally' };
    const body = { kind: 'low_balance', below_usd: '1', notification_channel: channel };
    const changed = await app.call(`POST ${path}`, { key: owner, body });
    expect([changed.status, changed.body]).toEqual([
      200,
      {
        ...made.body,
        ...NONE,
        kind: 'low_balance',
        below_usd: '1',
        notification_channel: channel,
        undeliverable: null,
      },
    ]);
    expect((await app.call(`GET ${OWN}`, { key: owner })).body.data).toEqual([changed.body]);
    const gone = await app.call(`DELETE ${path}`, { key: owner });
    expect(gone.body).toEqual({ object: 'alert.deleted', id: made.body.id, deleted: true });
    expect((await app.call(`DELETE ${path}`, { key: owner })).status).toBe(404);
    expect((await app.call(`GET ${path}`, { key: owner })).status).toBe(404);
    const { body: log } = await app.call('GET /v1/admin/audit_log?entity=entity1&limit=10');
    const actions: string[] = log.data.map(({ action }: { action: string }) => action);
    expect(actions.filter((action) => action.startsWith('alerts.')).slice(0, 3)).toEqual([
      'alerts.delete',
      'alerts.update',
      'alerts.create',
    ]);
  });

  it('of an entity do not exist for another, nor those of who runs the service for any', async () => {
    const own = (await app.call(`POST ${OWN}`, { key: owner, body: { kind: 'unread_fields' } })).body.id;
    const all = await app.call(`POST ${ALL}`, { body: { kind: 'queue_late', older_than_seconds: 60 } });
    expect([all.status, all.body.entity]).toEqual([201, null]);
    const body = { kind: 'unread_fields' };
    const none = await app.call(`GET ${OWN}/alert_none`, { key: stranger });
    for (const [key, id] of [
      [stranger, own],
      [owner, all.body.id],
    ] as const)
      for (const verb of ['GET', 'POST', 'DELETE']) {
        const answer = await app.call(`${verb} ${OWN}/${id}`, { key, ...(verb === 'POST' && { body }) });
        expect([verb, answer.status, answer.body]).toEqual([verb, 404, none.body]);
      }
    const [foreign, unknown] = [
      await app.call(`GET ${OWN}?after=${own}`, { key: stranger }),
      await app.call(`GET ${OWN}?after=alert_none`, { key: stranger }),
    ];
    expect([foreign.status, foreign.body]).toEqual([400, unknown.body]);
    expect((await app.call(`GET ${ALL}`, { key: owner })).status).toBe(403);
    expect((await app.call(`POST ${OWN}`, { key: finance, body })).status).toBe(403);
    expect((await app.call(`GET ${ALL}`)).body.data.map(({ id }: { id: string }) => id)).toEqual([
      all.body.id,
    ]);
    const headers = { 'openai-organization': 'typo' };
    expect((await app.call(`POST ${OWN}`, { headers, body })).status).toBe(404);
  });

  it.each([
    [{}, 'kind'],
    [{ kind: 'other' }, 'kind'],
    [{ kind: 'queue_late', older_than_seconds: 60 }, 'kind'],
    [{ kind: 'low_balance' }, 'below_usd'],
    [{ kind: 'low_balance', below_usd: 5 }, 'below_usd'],
    [{ kind: 'low_balance', below_usd: '0' }, 'below_usd'],
    [{ kind: 'low_balance', below_usd: '5', within_days: 3 }, 'within_days'],
    [{ kind: 'credits_running_out', within_days: 91 }, 'within_days'],
    [{ kind: 'cap_share', share_percent: 101 }, 'share_percent'],
    [{ kind: 'cap_share', share_percent: 50, cap: 'yearly', project: 'p' }, 'cap'],
    [{ kind: 'cap_share', share_percent: 50, project: 'a/b' }, 'project'],
    [
      { kind: 'unread_fields', notification_channel: { recipients: ['a@b.c\r\nd'] } },
      'notification_channel.recipients.0',
    ],
  ])('%j is a 400 that names the field', async (body, param) => {
    const answer = await app.call(`POST ${OWN}`, { key: owner, body });
    expect([answer.status, answer.body.error.param]).toEqual([400, param]);
  });

  it('are made once under an idempotency key, at most a hundred, and listed page by page', async () => {
    const body = { kind: 'unpriced_usage' };
    const request = { key: stranger, body, headers: { 'idempotency-key': 'one' } };
    const first = await app.call(`POST ${OWN}`, request);
    expect((await app.call(`POST ${OWN}`, request)).body).toEqual(first.body);
    const statuses = [first.status];
    for (let index = 0; index < 101; index += 1)
      statuses.push((await app.call(`POST ${OWN}`, { key: stranger, body })).status);
    expect(statuses.filter((status) => status === 201).length).toBe(100);
    expect(statuses.slice(-2)).toEqual([409, 409]);
    const seen = new Set<string>();
    for (let [after, more] = ['', true]; more;) {
      const page = (await app.call(`GET ${OWN}?limit=30${after}`, { key: stranger })).body;
      for (const { id } of page.data) seen.add(id);
      [after, more] = [`&after=${page.last_id}`, page.has_more];
    }
    expect(seen.size).toBe(100);
    const odd = await app.call(`GET ${OWN}?kind=low_balance`, { key: stranger });
    expect([odd.status, odd.body.error.param]).toEqual([400, 'kind']);
  });
});
