import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';

describe('the audit log', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
  });
  afterAll(() => app.close());

  it('is read page by page, newest first', async () => {
    for (const plan of ['free', 'pro', 'free']) {
      await app.call('PUT /v1/admin/entities/audited', { body: { plan } });
    }
    const first = await app.call('GET /v1/admin/audit_log?entity=audited&limit=2');
    const second = await app.call(
      `GET /v1/admin/audit_log?entity=audited&limit=2&after=${first.body.last_id}`,
    );
    expect([first.body.data.length, first.body.has_more]).toEqual([2, true]);
    expect([second.body.data.length, second.body.has_more]).toEqual([1, false]);
    expect(Number(second.body.first_id)).toBeLessThan(Number(first.body.last_id));
  });
});
