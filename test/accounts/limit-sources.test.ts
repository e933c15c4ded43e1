import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';

describe("a plan's limits and an entity's own", () => {
  let app: TestApp;
  let entity: string;
  let count = 0;
  beforeAll(async () => {
    app = await anApp();
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    count += 1;
    entity = `sourced${count}`;
    await app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'free' } });
  });

  const path = () => `/v1/admin/entities/${entity}`;
  const get = async () => (await app.call(`GET ${path()}`)).body;
  const patch = (body: object) => app.call(`PATCH ${path()}/limits`, { body });

  it('are told apart, limit by limit, and so are no limit of the plan and no limit of its own', async () => {
    expect((await get()).limits).toEqual({
      monthly_cap_usd: { value: '100', source: 'plan', is_limited: true },
      yearly_cap_usd: { value: null, source: 'plan', is_limited: false },
      overage: { value: 'blocked', source: 'plan', is_limited: true },
      max_concurrent_requests: { value: null, source: 'plan', is_limited: false },
    });
    const { body } = await patch({ monthly_cap_usd: null, yearly_cap_usd: null, overage: 'blocked' });
    expect(body).toMatchObject({ monthly_cap_usd: null, yearly_cap_usd: null });
    expect(body.limits).toMatchObject({
      monthly_cap_usd: { value: null, source: 'own', is_limited: false },
      yearly_cap_usd: { value: null, source: 'own', is_limited: false },
      overage: { value: 'blocked', source: 'own', is_limited: true },
    });
    expect((await app.call(`GET ${path()}/limits`)).body).toEqual(await get());
  });

  it.each([
    ['monthly_cap_usd', '5'],
    ['monthly_cap_usd', null],
    ['yearly_cap_usd', '7'],
    ['yearly_cap_usd', null],
    ['overage', 'allowed'],
    ['max_concurrent_requests', 3],
    ['max_concurrent_requests', null],
  ])("inherit takes an own %s of %j back to the plan's, in answers and in force", async (field, value) => {
    const before = await get();
    expect((await patch({ [field]: value })).body.limits[field]).toMatchObject({ value, source: 'own' });
    expect((await patch({ [field]: 'inherit' })).body).toEqual(before);
    expect(await get()).toEqual(before);
    await app.call(`PUT /v1/admin/plans/other`, {
      body: { monthly_cap_usd: '1', yearly_cap_usd: '2', overage: 'allowed', max_concurrent_requests: 4 },
    });
    await app.call(`PUT ${path()}`, { body: { plan: 'other' } });
    expect((await get()).limits[field].source).toBe('plan');
  });

  it.each([
    ['monthly_cap_usd', 'Inherit'],
    ['monthly_cap_usd', 12],
    ['monthly_cap_usd', '-1'],
    ['overage', 'none'],
    ['max_concurrent_requests', 'plan'],
    ['max_concurrent_requests', 1.5],
  ])('refuses %s of %j and names the field', async (field, value) => {
    const { status, body } = await patch({ [field]: value });
    expect([status, body.error.param]).toEqual([400, field]);
  });

  it('a plan has nothing to inherit from', async () => {
    const { status, body } = await app.call('PUT /v1/admin/plans/orphan', {
      body: { monthly_cap_usd: 'inherit' },
    });
    expect([status, body.error.param]).toEqual([400, 'monthly_cap_usd']);
  });

  it('a project has its own limits or none, and inherit takes its own away', async () => {
    const made = await app.call(`PUT ${path()}/projects/p`, { body: { monthly_cap_usd: '3' } });
    expect(made.body.limits.monthly_cap_usd).toEqual({ value: '3', source: 'own', is_limited: true });
    const limits = `${path()}/projects/p/limits`;
    const { body } = await app.call(`PATCH ${limits}`, { body: { monthly_cap_usd: 'inherit' } });
    expect(body.limits.monthly_cap_usd).toEqual({ value: null, source: null, is_limited: false });
    expect((await app.call(`GET ${limits}`)).body).toEqual(body);
  });
});

describe('limits of what does not exist', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
    await app.call('PUT /v1/admin/entities/known', { body: { plan: 'free' } });
  });
  afterAll(() => app.close());

  const OF = { headers: { 'openai-organization': 'nosuch' } };
  const OF_KNOWN = { headers: { 'openai-organization': 'known' } };
  const CAP = { body: { monthly_cap_usd: '1' } };
  const AMOUNT = { threshold_amount: 100 };
  it.each<[string, object]>([
    ['GET /v1/admin/entities/nosuch', {}],
    ['GET /v1/admin/entities/nosuch/limits', {}],
    ['PATCH /v1/admin/entities/nosuch/limits', CAP],
    ['PATCH /v1/admin/entities/nosuch/limits', { body: {} }],
    ['GET /v1/admin/entities/nosuch/projects', {}],
    ['GET /v1/admin/entities/nosuch/projects/p/limits', {}],
    ['PUT /v1/admin/entities/nosuch/projects/p', CAP],
    ['PATCH /v1/admin/entities/nosuch/projects/p/limits', CAP],
    ['GET /v1/admin/entities/known/projects/nosuch/limits', {}],
    ['PATCH /v1/admin/entities/known/projects/nosuch/limits', CAP],
    ['GET /v1/organization/spend_limit', OF],
    ['POST /v1/organization/spend_limit', { ...OF, body: AMOUNT }],
    ['DELETE /v1/organization/spend_limit', OF],
    ['GET /v1/organization/projects/p/spend_limit', OF],
    ['POST /v1/organization/projects/p/spend_limit', { ...OF, body: AMOUNT }],
    ['DELETE /v1/organization/projects/p/spend_limit', OF],
    ['GET /v1/organization/projects/nosuch/spend_limit', OF_KNOWN],
    ['DELETE /v1/organization/projects/nosuch/spend_limit', OF_KNOWN],
    ['PUT /v1/admin/entities/nosuch', { body: { plan: 'nosuch' } }],
  ])('%s is 404 and creates nothing', async (request, options) => {
    const { status, body } = await app.call(request, options);
    expect([status, body.error.code]).toEqual([404, 'not_found']);
    expect((await app.call('GET /v1/admin/entities')).body.data).toHaveLength(1);
    expect((await app.call('GET /v1/admin/entities/known/projects')).body.data).toEqual([]);
    expect((await app.call('GET /v1/admin/audit_log?entity=nosuch')).status).toBe(404);
  });
});
