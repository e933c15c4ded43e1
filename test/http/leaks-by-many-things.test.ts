import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECTS_MAX } from '../../src/accounts/spend-limits.js';
import { ALERTS_OF_ENTITY_MAX } from '../../src/alerts/spend-alerts.js';
import { anApp, type TestApp } from '../support/app.js';

let app: TestApp;
let owner = '';
beforeAll(async () => {
  app = await anApp();
  await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'pro' } });
  owner = await app.key('owner', 'entity1');
});
afterAll(() => app.close());

const limit = { threshold_amount: 100 };
const post = (path: string, key: string) =>
  app.call(`POST /v1/organization/projects/${path}`, {
    key,
    body: limit,
    headers: { 'openai-organization': 'entity1' },
  });

/** As if so many had been made before. */
async function fill(statement: string, count: number): Promise<void> {
  await app.postgres.pool.query(statement, [count]);
}

describe('an owner', () => {
  it('makes so many projects by limiting them and no more; an admin makes more', async () => {
    expect((await post('first/spend_limit', owner)).status).toBe(200);
    await fill(
      `insert into projects (entity, name, created_at) select 'entity1', 'p' || number, now() from generate_series(2, $1) number`,
      PROJECTS_MAX,
    );
    const refused = await post('more/spend_limit', owner);
    expect([refused.status, refused.body.error.code]).toEqual([409, 'conflict']);
    expect((await post('first/spend_limit', owner)).status).toBe(200);
    expect((await post('more/spend_limit', app.adminKey)).status).toBe(200);
  });

  it('has so many spend alerts and no more, however many projects it names', async () => {
    expect((await post('made-up/spend_alerts', owner)).status).toBe(200);
    await fill(
      `insert into spend_alerts (id, entity, project, threshold_picos, recipients, created_at)
       select 'alert_' || number, 'entity1', 'p' || number, 1, '{}', now() from generate_series(2, $1) number`,
      ALERTS_OF_ENTITY_MAX,
    );
    const refused = await post('another/spend_alerts', owner);
    expect([refused.status, refused.body.error.code]).toEqual([409, 'conflict']);
    await app.call('DELETE /v1/organization/projects/p7/spend_alerts/alert_7', { key: owner });
    expect((await post('another/spend_alerts', owner)).status).toBe(200);
  });
});
