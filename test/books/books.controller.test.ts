import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';

describe('the books over HTTP', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
  });
  afterAll(() => app.close());

  it('reconciles on demand, and shows both sides of every check', async () => {
    const { status, body } = await app.call('GET /v1/admin/reconciliation');
    expect([status, body.object, body.ok]).toEqual([200, 'reconciliation', true]);
    expect(body.checks.length).toBeGreaterThan(3);
    for (const check of body.checks) {
      expect(Object.keys(check).toSorted()).toEqual(['differences', 'left', 'name', 'ok', 'right']);
    }
  });
});
