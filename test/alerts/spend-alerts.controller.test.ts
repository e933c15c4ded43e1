import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import { anApp, type TestApp } from '../support/app.js';

const ORDER: OpenAI.Admin.Organization.SpendAlertCreateParams = {
  threshold_amount: 100_000,
  currency: 'USD',
  interval: 'month',
  notification_channel: {
    type: 'email',
    recipients: ['finance@example.com'],
    subject_prefix: 'Spend alert',
  },
};

let app: TestApp;
let admin: OpenAI;
let finance: OpenAI;
beforeAll(async () => {
  app = await anApp();
  const options = { baseURL: `${app.url}/v1`, maxRetries: 0 };
  admin = new OpenAI({ adminAPIKey: app.adminKey, organization: 'entity1', ...options });
  finance = new OpenAI({ adminAPIKey: await app.key('finance', 'entity1'), ...options });
});
afterAll(() => app.close());

describe('spend alerts through the official client', () => {
  it('of the organization are created, read, changed, listed and deleted', async () => {
    const alerts = admin.admin.organization.spendAlerts;
    const made = await alerts.create(ORDER);
    expect(made).toEqual({
      id: expect.stringMatching(/^alert_/),
      object: 'organization.spend_alert',
      ...ORDER,
    });
    expect(await finance.admin.organization.spendAlerts.retrieve(made.id)).toEqual(made);
    const { subject_prefix: _, ...channel } = ORDER.notification_channel;
    const changed = await alerts.update(made.id, {
      ...ORDER,
      threshold_amount: 5,
      notification_channel: { ...channel, recipients: ['a@example.com', 'b@example.com'] },
    });
    expect(changed).toEqual({
      ...made,
      threshold_amount: 5,
      notification_channel: {
        type: 'email',
        recipients: ['a@example.com', 'b@example.com'],
        subject_prefix: null,
      },
    });
    expect((await alerts.list()).data).toEqual([changed]);
    expect(await alerts.delete(made.id)).toEqual({
      id: made.id,
      object: 'organization.spend_alert.deleted',
      deleted: true,
    });
    await expect(alerts.retrieve(made.id)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(alerts.delete(made.id)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    expect((await alerts.list()).data).toEqual([]);
  });

  it("of a project are not the organization's, nor another project's", async () => {
    const alerts = admin.admin.organization.projects.spendAlerts;
    const made = await alerts.create('search', ORDER);
    expect(made).toMatchObject({ object: 'project.spend_alert', threshold_amount: 100_000 });
    expect(await alerts.retrieve(made.id, { project_id: 'search' })).toEqual(made);
    const changed = await alerts.update(made.id, { ...ORDER, project_id: 'search', threshold_amount: 7 });
    expect(changed.threshold_amount).toBe(7);
    expect((await alerts.list('search')).data).toEqual([changed]);
    expect((await alerts.list('chat')).data).toEqual([]);
    await expect(alerts.retrieve(made.id, { project_id: 'chat' })).rejects.toBeInstanceOf(
      OpenAI.NotFoundError,
    );
    const wrong = admin.admin.organization.spendAlerts.delete(made.id);
    await expect(wrong).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    expect(await alerts.delete(made.id, { project_id: 'search' })).toEqual({
      id: made.id,
      object: 'project.spend_alert.deleted',
      deleted: true,
    });
  });

  it('are listed page by page, newest first or oldest first, and backwards', async () => {
    const alerts = admin.admin.organization.projects.spendAlerts;
    const made: string[] = [];
    for (let cents = 1; cents <= 5; cents += 1)
      made.push((await alerts.create('pages', { ...ORDER, threshold_amount: cents })).id);
    const oldest = (await alerts.list('pages', { order: 'asc', limit: 100 })).data.map(({ id }) => id);
    expect(oldest.toSorted()).toEqual(made.toSorted());
    const seen: string[] = [];
    for await (const alert of alerts.list('pages', { limit: 2 })) seen.push(alert.id);
    expect(seen).toEqual(oldest.toReversed());
    const before = await alerts.list('pages', { order: 'asc', limit: 2, before: oldest[3]! });
    expect([before.data.map(({ id }) => id), before.has_more]).toEqual([oldest.slice(1, 3), true]);
    const odd = alerts.list('pages', { after: 'alert_none' });
    await expect(odd).rejects.toBeInstanceOf(OpenAI.BadRequestError);
  });

  it('are changed only by admins, audited, and at most 100', async () => {
    const refused = finance.admin.organization.spendAlerts.create(ORDER);
    await expect(refused).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
    const alerts = admin.admin.organization.projects.spendAlerts;
    const create = () => alerts.create('many', ORDER);
    // Concurrent ones wait for each other, and the last of a hundred would wait too long on a busy machine.
    const made = [];
    for (let round = 0; round < 4; round += 1)
      made.push(...(await Promise.allSettled(Array.from({ length: 26 }, create))));
    expect(made.filter(({ status }) => status === 'fulfilled').length).toBe(100);
    expect((await alerts.list('many', { limit: 100 })).data.length).toBe(100);
    const { body } = await app.call('GET /v1/admin/audit_log?entity=entity1&limit=1');
    expect(body.data[0]).toMatchObject({
      action: 'spend_alerts.create',
      after: { project: 'many', threshold_usd: '1000', recipients: ['finance@example.com'] },
    });
  });

  it.each([
    [{ threshold_amount: 0 }, 'threshold_amount'],
    [{ threshold_amount: '5' }, 'threshold_amount'],
    [{ currency: 'EUR' }, 'currency'],
    [{ interval: 'day' }, 'interval'],
    [{ notification_channel: undefined }, 'notification_channel'],
    [{ notification_channel: { recipients: [] } }, 'notification_channel.recipients'],
    [{ notification_channel: { recipients: ['nobody'] } }, 'notification_channel.recipients.0'],
    [{ notification_channel: { type: 'pager', recipients: ['a@example.com'] } }, 'notification_channel.type'],
    [{ colour: 'red' }, 'colour'],
  ])('%j is a 400 that names the field', async (override, param) => {
    const answer = await app.call('POST /v1/organization/spend_alerts', {
      body: { ...ORDER, ...override },
      headers: { 'openai-organization': 'entity1' },
    });
    expect([answer.status, answer.body.error.param]).toEqual([400, param]);
  });
});

describe('webhooks over HTTP', () => {
  it('show their secret once', async () => {
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
      created_at: app.clock.now().getTime() / 1000,
    });
    const list = await app.call('GET /v1/admin/webhooks');
    expect(list.body.data).toEqual([shown]);
    const kept = await app.postgres.pool.query('select * from idempotency_keys');
    const audited = await app.postgres.pool.query('select * from audit_log');
    expect(JSON.stringify([kept.rows, audited.rows])).not.toContain(secret);
    const ended = await app.call(`DELETE /v1/admin/webhooks/${shown.id}`);
    expect(ended.body).toEqual({ object: 'webhook.deleted', id: shown.id, deleted: true });
    expect((await app.call(`DELETE /v1/admin/webhooks/${shown.id}`)).status).toBe(404);
  });

  it('of another entity cannot be seen or deleted by a bound key', async () => {
    const { body } = await app.call('POST /v1/admin/webhooks', { body: { url: 'https://example.com' } });
    const key = await app.key('admin', 'entity1');
    expect((await app.call('GET /v1/admin/webhooks', { key })).body.data).toEqual([]);
    expect((await app.call(`DELETE /v1/admin/webhooks/${body.id}`, { key })).status).toBe(403);
    const all = await app.call('POST /v1/admin/webhooks', { key, body: { url: 'https://example.com' } });
    expect(all.status).toBe(403);
  });

  it.each([
    ['ftp://example.com'],
    ['file:///etc/passwd'],
    ['javascript:alert(1)'],
    ['example.com'],
    ['http://user:secret@example.com'],
    ['http://localhost:3000/x'],
    ['http://api.localhost/x'],
    ['http://127.0.0.1'],
    ['http://2130706433'],
    ['http://[::1]:80/'],
    ['http://[::ffff:10.0.0.1]/'],
    ['http://169.254.169.254/latest/meta-data'],
    ['http://10.1.2.3'],
    ['https://192.168.0.1'],
    ['https://[fd00::1]'],
    [''],
    [5],
  ])('%s is refused', async (url) => {
    const { status, body } = await app.call('POST /v1/admin/webhooks', { body: { url } });
    expect([status, body.error.param]).toEqual([400, 'url']);
  });

  it('are at most 20 for an entity', async () => {
    const body = { url: 'https://example.com', entity: 'entity9' };
    const made = await Promise.all(
      Array.from({ length: 22 }, () => app.call('POST /v1/admin/webhooks', { body })),
    );
    expect(made.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      ...Array.from({ length: 20 }, () => 201),
      409,
      409,
    ]);
  });
});
