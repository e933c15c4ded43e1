import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';

let app: TestApp;
let owner: string;
beforeAll(async () => {
  app = await anApp();
  await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'pro' } });
  owner = await app.key('owner', 'entity1');
});
afterAll(() => app.close());

describe('where no mail server is set up', () => {
  it.each([
    { kind: 'low_balance', below_usd: '5' },
    { kind: 'credits_running_out', within_days: 7 },
    { kind: 'cap_share', cap: 'monthly', share_percent: 80 },
    { kind: 'unpriced_usage' },
    { kind: 'unread_fields' },
  ])('an alert of any kind that is to mail is refused, made or changed: %j', async (terms) => {
    const path = 'POST /v1/organization/alerts';
    const mailed = { ...terms, notification_channel: { recipients: ['a@example.com'] } };
    const made = await app.call(path, {
      key: owner,
      body: { ...terms, notification_channel: { recipients: [] } },
    });
    expect(made.status).toBe(201);
    for (const call of [path, `${path}/${made.body.id}`]) {
      const { status, body } = await app.call(call, { key: owner, body: mailed });
      expect([status, body.error.param]).toEqual([400, 'notification_channel.recipients']);
      expect(body.error.message).toMatch(/SMTP_URL and SMTP_FROM/);
    }
  });

  it('so is one of who runs the service, of a late queue too', async () => {
    const body = { kind: 'queue_late', older_than_seconds: 60 };
    const mailed = { ...body, notification_channel: { recipients: ['a@example.com'] } };
    expect((await app.call('POST /v1/admin/alerts', { body: mailed })).body.error.message).toMatch(
      /SMTP_URL/,
    );
    const quiet = { ...body, notification_channel: { recipients: [] } };
    expect((await app.call('POST /v1/admin/alerts', { body: quiet })).status).toBe(201);
  });
});
