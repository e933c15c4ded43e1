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
  app = await anApp({
    environment: { SMTP_URL: 'smtp://127.0.0.1:65535', SMTP_FROM: 'billing@example.com' },
  });
  await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'pro' } });
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
      undeliverable: null,
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
    [
      { notification_channel: { recipients: ['a@example.com', 'A@example.com'] } },
      'notification_channel.recipients',
    ],
    [
      { notification_channel: { recipients: ['a@example.com\r\nbcc: b@example.com'] } },
      'notification_channel.recipients.0',
    ],
    [{ notification_channel: { recipients: ['Ann <a@example.com>'] } }, 'notification_channel.recipients.0'],
    [
      { notification_channel: { subject_prefix: 'a\r\nbcc: b@example.com' } },
      'notification_channel.subject_prefix',
    ],
    [
      {
        notification_channel: {
          recipients: Array.from({ length: 51 }, (_, index) => `a${index}@example.com`),
        },
      },
      'notification_channel.recipients',
    ],
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
