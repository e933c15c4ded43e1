import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { LLAMA } from '../support/builders.js';

const OF = { 'openai-organization': 'tried' };

describe('?dry_run=true', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
    await app.limit('tried', { monthly_cap_usd: '50', overage: 'allowed' });
    await app.limit('tried/p', { monthly_cap_usd: '40' });
    await app.call('PUT /v1/admin/plans/tried', { body: {} });
  });
  afterAll(() => app.close());

  const everything = async () => {
    const { rows } = await app.postgres.pool.query(
      `select json_build_object(
        'plans', (select json_agg(p order by name) from plans p), 'entities', (select json_agg(e order by name) from entities e),
        'projects', (select json_agg(r order by entity, name) from projects r), 'audit', (select count(*) from audit_log),
        'idempotency', (select count(*) from idempotency_keys)
      ) as all`,
    );
    return rows[0].all;
  };
  const reserve = async () => {
    const body = { project: 'tried/p', model: LLAMA, input_tokens: 1_000, max_output_tokens: 0 };
    return (await app.call('POST /v1/quota/reservations', { body })).status;
  };

  it.each<[string, object | undefined]>([
    ['PUT /v1/admin/entities/tried', { plan: 'pro' }],
    ['PUT /v1/admin/entities/untried', { plan: 'pro' }],
    ['PATCH /v1/admin/entities/tried/limits', { monthly_cap_usd: '0' }],
    ['PUT /v1/admin/entities/tried/projects/p', { monthly_cap_usd: '0' }],
    ['PUT /v1/admin/entities/tried/projects/q', {}],
    ['PATCH /v1/admin/entities/tried/projects/p/limits', { monthly_cap_usd: '0' }],
    ['PUT /v1/admin/plans/tried', { monthly_cap_usd: '0' }],
    ['PUT /v1/admin/plans/untried', {}],
    ['POST /v1/organization/spend_limit', { threshold_amount: 1 }],
    ['DELETE /v1/organization/spend_limit', undefined],
    ['POST /v1/organization/projects/p/spend_limit', { threshold_amount: 1 }],
    ['POST /v1/organization/projects/q/spend_limit', { threshold_amount: 1 }],
    ['DELETE /v1/organization/projects/p/spend_limit', undefined],
  ])('%s answers as the change would, and neither stores nor decides by it', async (request, body) => {
    const before = await everything();
    const options = { headers: { ...OF, 'idempotency-key': `try ${request}` }, ...(body && { body }) };
    const tried = await app.call(`${request}?dry_run=true`, options);
    expect(tried.status).toBe(200);
    expect(await everything()).toEqual(before);
    expect(await reserve()).toBe(201);
    const wrong = await app.call(`${request}?dry_run=perhaps`, options);
    expect([wrong.status, wrong.body.error.param]).toEqual([400, 'dry_run']);
    expect((await app.call(`${request}?dryrun=true`, options)).status).toBe(400);
    // The same answer as the change itself, but for when it was made.
    const made = await app.call(`${request}?dry_run=false`, { ...options, headers: OF });
    const timeless = (answer: Record<string, unknown>) => ({ ...answer, created_at: 0 });
    expect(timeless(made.body)).toEqual(timeless(tried.body));
    await app.limit('tried', { monthly_cap_usd: '50', overage: 'allowed' });
    await app.limit('tried/p', { monthly_cap_usd: '40' });
  });

  it('refuses what the change would refuse', async () => {
    const call = (request: string, body?: object) =>
      app.call(`${request}?dry_run=true`, { headers: OF, ...(body && { body }) });
    expect((await call('PATCH /v1/admin/entities/nosuch/limits', {})).status).toBe(404);
    expect((await call('PUT /v1/admin/entities/tried', { plan: 'nosuch' })).status).toBe(404);
    expect((await call('PATCH /v1/admin/entities/tried/limits', { monthly_cap_usd: 'x' })).status).toBe(400);
  });
});
