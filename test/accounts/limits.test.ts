import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { LLAMA } from '../support/builders.js';
import { anApp, type Answer, type TestApp } from '../support/app.js';

describe('limits', () => {
  let app: TestApp;
  let entity: string;
  let count = 0;
  beforeAll(async () => {
    app = await anApp();
  });
  afterAll(() => app.close());
  beforeEach(() => {
    count += 1;
    entity = `limited${count}`;
  });

  const put = (plan: string) => app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan } });
  const patch = (body: object) => app.limit(entity, body);
  const patchProject = (body: object) => app.limit(`${entity}/project1`, body);
  const buy = (amount: string) =>
    app.call(`POST /v1/admin/entities/${entity}/credits`, { body: { amount_usd: amount } });
  /** Holds $0.71 for each million tokens asked for. */
  const reserve = (tokens: number): Promise<Answer> =>
    app.call('POST /v1/quota/reservations', {
      body: { project: `${entity}/project1`, model: LLAMA, input_tokens: tokens, max_output_tokens: 0 },
    });

  it("an entity has its plan's limits until it gets its own", async () => {
    expect((await put('free')).body).toMatchObject({
      object: 'entity',
      entity,
      plan: 'free',
      overage: 'blocked',
      monthly_cap_usd: '100',
      yearly_cap_usd: null,
      max_concurrent_requests: null,
    });
    expect((await patch({ monthly_cap_usd: '250.5', max_concurrent_requests: 7 })).body).toMatchObject({
      monthly_cap_usd: '250.5',
      max_concurrent_requests: 7,
      overage: 'blocked',
    });
    expect((await put('pro')).body).toMatchObject({
      plan: 'pro',
      monthly_cap_usd: '250.5',
      overage: 'allowed',
    });
    expect((await app.call(`GET /v1/admin/entities/${entity}`)).body).toMatchObject({ plan: 'pro' });
  });

  it('a change leaves what it does not name, and null lifts a limit', async () => {
    await patch({
      monthly_cap_usd: '5',
      yearly_cap_usd: '50',
      overage: 'allowed',
      max_concurrent_requests: 3,
    });
    expect((await patch({ yearly_cap_usd: null })).body).toMatchObject({
      monthly_cap_usd: '5',
      yearly_cap_usd: null,
      overage: 'allowed',
      max_concurrent_requests: 3,
    });
    expect((await patch({ monthly_cap_usd: null, max_concurrent_requests: null })).body).toMatchObject({
      monthly_cap_usd: null,
      max_concurrent_requests: null,
      overage: 'allowed',
    });
    await patchProject({ monthly_cap_usd: '2', max_concurrent_requests: 1 });
    expect((await patchProject({ max_concurrent_requests: null })).body).toEqual({
      object: 'project',
      entity,
      project: 'project1',
      monthly_cap_usd: '2',
      max_concurrent_requests: null,
      limits: {
        monthly_cap_usd: { value: '2', source: 'own', is_limited: true },
        max_concurrent_requests: { value: null, source: null, is_limited: false },
      },
      spend_limit_usd: null,
      created_at: expect.any(Number),
    });
  });

  it('an unknown plan is not found and changes nothing', async () => {
    expect((await put('platinum')).status).toBe(404);
    expect((await app.call(`GET /v1/admin/entities/${entity}`)).status).toBe(404);
  });

  it('a purchase applies to the next decision', async () => {
    await patch({ monthly_cap_usd: null });
    expect((await reserve(1_000)).status).toBe(429);
    expect((await buy('0.00071')).status).toBe(201);
    expect((await reserve(1_000)).status).toBe(201);
    expect((await reserve(1)).status).toBe(429);
  });

  it('a raised cap applies to the next decision, and so does a lowered one', async () => {
    await patch({ monthly_cap_usd: '0.71', overage: 'allowed' });
    expect((await reserve(1_000_001)).status).toBe(429);
    await patch({ monthly_cap_usd: '0.72' });
    expect((await reserve(1_000_001)).status).toBe(201);
    await patch({ monthly_cap_usd: '0' });
    expect((await reserve(1)).body.error.code).toBe('insufficient_quota');
  });

  it("a project's cap applies to the next decision", async () => {
    await patch({ monthly_cap_usd: null, overage: 'allowed' });
    expect((await reserve(10)).status).toBe(201);
    await patchProject({ monthly_cap_usd: '0.0000001' });
    const denied = await reserve(10);
    expect(denied.body.error.details).toMatchObject({
      limit: 'project_monthly_cap',
      scope: `${entity}/project1`,
    });
    await patchProject({ monthly_cap_usd: null });
    expect((await reserve(10)).status).toBe(201);
  });

  it('another plan applies to the next decision, whatever the versions of the plans', async () => {
    for (let times = 0; times < 5; times += 1) {
      await app.call('PUT /v1/admin/plans/busy', { body: { overage: 'allowed', monthly_cap_usd: '1' } });
    }
    await put('busy');
    expect((await reserve(10)).status).toBe(201);
    await put('free');
    expect((await reserve(10)).body.error.details.limit).toBe('credits');
    await put('busy');
    expect((await reserve(10)).status).toBe(201);
  });

  it('a change of the default plan applies to the next decision of unknown entities', async () => {
    expect((await reserve(10)).body.error.details.limit).toBe('credits');
    await app.call('PUT /v1/admin/plans/free', { body: { overage: 'allowed' } });
    expect((await reserve(10)).status).toBe(201);
    await app.call('PUT /v1/admin/plans/free', { body: { overage: 'blocked' } });
    expect((await reserve(10)).status).toBe(429);
    expect((await app.call(`GET /v1/admin/entities/${entity}`)).status).toBe(404);
  });

  it('a change of a plan applies to the next decision of all its entities', async () => {
    await app.call('PUT /v1/admin/plans/team', { body: { overage: 'allowed' } });
    await put('team');
    expect((await reserve(10)).status).toBe(201);
    const changed = await app.call('PUT /v1/admin/plans/team', { body: { overage: 'blocked' } });
    expect(changed.body).toMatchObject({
      object: 'plan',
      plan: 'team',
      overage: 'blocked',
      monthly_cap_usd: null,
    });
    expect((await reserve(10)).body.error.details.limit).toBe('credits');
  });

  it('concurrent changes of one entity are all kept', async () => {
    await put('free');
    await Promise.all([
      patch({ monthly_cap_usd: '1' }),
      patch({ yearly_cap_usd: '2' }),
      patch({ overage: 'allowed' }),
      patch({ max_concurrent_requests: 4 }),
    ]);
    expect((await app.call(`GET /v1/admin/entities/${entity}`)).body).toMatchObject({
      monthly_cap_usd: '1',
      yearly_cap_usd: '2',
      overage: 'allowed',
      max_concurrent_requests: 4,
    });
  });

  it('every change is in the audit log, with the values before and after', async () => {
    await put('pro');
    await patch({ monthly_cap_usd: '9' });
    const { body } = await app.call(`GET /v1/admin/audit_log?entity=${entity}`);
    expect(body.data.map(({ action }: { action: string }) => action)).toEqual([
      'limits.change',
      'entities.put',
    ]);
    expect(body.data[0]).toMatchObject({
      before: { monthly_cap_usd: '6000' },
      after: { monthly_cap_usd: '9' },
    });
    expect(body.data[1]).toMatchObject({ before: { plan: 'free' }, after: { plan: 'pro' } });
  });

  it('entities are listed by name, page by page', async () => {
    for (const name of ['page', 'page-a', 'page-b', 'page-c']) {
      await app.call(`PUT /v1/admin/entities/${name}`, { body: { plan: 'free' } });
    }
    const first = await app.call('GET /v1/admin/entities?limit=2&after=page');
    expect(first.body).toMatchObject({
      object: 'list',
      first_id: 'page-a',
      last_id: 'page-b',
      has_more: true,
    });
    const second = await app.call(`GET /v1/admin/entities?limit=2&after=${first.body.last_id}`);
    expect(second.body).toMatchObject({ first_id: 'page-c', last_id: 'page-c', has_more: false });
  });
});
