import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { recordUsage } from '../support/usage.js';

const USD = { currency: 'USD', interval: 'month' } as const;

describe('spend limits through the official client', () => {
  let app: TestApp;
  let admin: OpenAI;
  let finance: OpenAI;
  beforeAll(async () => {
    app = await anApp();
    const options = { baseURL: `${app.url}/v1`, maxRetries: 0 };
    admin = new OpenAI({ adminAPIKey: app.adminKey, organization: 'entity1', ...options });
    finance = new OpenAI({ adminAPIKey: await app.key('finance', 'entity1'), ...options });
    await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'free' } });
    const rich = { amount_usd: '1000' };
    await app.call('POST /v1/admin/entities/entity1/credits', { body: rich });
  });
  afterAll(() => app.close());

  const reserve = async (project: string) => {
    const body = { project, model: LLAMA, input_tokens: 1_000_000, max_output_tokens: 0 };
    return (await app.call('POST /v1/quota/reservations', { body })).status;
  };

  it("begin with the plan's cap, in whole cents", async () => {
    expect(await finance.admin.organization.spendLimit.retrieve()).toEqual({
      object: 'organization.spend_limit',
      threshold_amount: 10_000,
      threshold_usd: '100',
      ...USD,
      source: 'plan',
      enforcement: { status: 'inactive' },
    });
  });

  it("apply to the next decision when set, and when removed the plan's is back", async () => {
    const limit = await admin.admin.organization.spendLimit.update({ threshold_amount: 70, ...USD });
    expect(limit).toMatchObject({ object: 'organization.spend_limit', threshold_amount: 70, source: 'own' });
    expect(await reserve('entity1/a')).toBe(429);
    expect(await finance.admin.organization.spendLimit.retrieve()).toEqual(limit);
    const entity = await app.call('GET /v1/admin/entities/entity1');
    expect(entity.body.monthly_cap_usd).toBe('0.7');
    expect(await admin.admin.organization.spendLimit.delete()).toEqual({
      object: 'organization.spend_limit.deleted',
      deleted: true,
    });
    expect(await reserve('entity1/a')).toBe(201);
    expect(await finance.admin.organization.spendLimit.retrieve()).toMatchObject({
      threshold_amount: 10_000,
      source: 'plan',
    });
    await expect(admin.admin.organization.spendLimit.delete()).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  it("are the project's own on a project's path", async () => {
    const { spendLimit } = admin.admin.organization.projects;
    await expect(spendLimit.retrieve('b')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(spendLimit.delete('b')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    const limit = await spendLimit.update('b', { threshold_amount: 71, ...USD });
    expect(limit).toEqual({
      object: 'project.spend_limit',
      threshold_amount: 71,
      threshold_usd: '0.71',
      ...USD,
      source: 'own',
      enforcement: { status: 'inactive' },
    });
    expect(await spendLimit.retrieve('b')).toEqual(limit);
    expect([await reserve('entity1/b'), await reserve('entity1/b'), await reserve('entity1/c')]).toEqual([
      201, 429, 201,
    ]);
    expect(await spendLimit.delete('b')).toEqual({ object: 'project.spend_limit.deleted', deleted: true });
    expect(await reserve('entity1/b')).toBe(201);
    await expect(spendLimit.retrieve('b')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  it("are enforcing once the month's spend has reached them", async () => {
    const { spendLimit } = admin.admin.organization.projects;
    const million = anEvent({ subject: 'entity1/d', quantities: { input: 1_000_000 } });
    await recordUsage(app, [million]);
    const above = await spendLimit.update('d', { threshold_amount: 72, ...USD });
    expect(above.enforcement.status).toBe('inactive');
    const reached = await spendLimit.update('d', { threshold_amount: 71, ...USD });
    expect(reached.enforcement.status).toBe('enforcing');
  });

  it.each([
    ['10.999', 1_099],
    ['0.005', 0],
    ['0.000000000001', 0],
    ['0', 0],
    ['12.5', 1_250],
  ])('of %s dollars are written back as they were read: %j cents', async (usd, cents) => {
    await app.limit('odd', { monthly_cap_usd: usd });
    const headers = { 'openai-organization': 'odd' };
    const { body } = await app.call('GET /v1/organization/spend_limit', { headers });
    expect(body).toMatchObject({ threshold_amount: cents, threshold_usd: usd });
    const { threshold_amount, threshold_usd, currency, interval } = body;
    for (const back of [{ threshold_amount }, { threshold_amount, threshold_usd, currency, interval }]) {
      expect((await app.call('POST /v1/organization/spend_limit', { headers, body: back })).body).toEqual(
        body,
      );
    }
    expect((await app.call('GET /v1/admin/entities/odd')).body.monthly_cap_usd).toBe(usd);
  });

  it('take a fraction of a cent exactly, where both amounts agree', async () => {
    const headers = { 'openai-organization': 'exact' };
    await app.call('PUT /v1/admin/entities/exact', { body: { plan: 'free' } });
    const set = (body: object) => app.call('POST /v1/organization/spend_limit', { headers, body });
    expect((await set({ threshold_amount: 0, threshold_usd: '0.005' })).body.threshold_usd).toBe('0.005');
    expect((await set({ threshold_amount: 1_099, threshold_usd: '10.99' })).body.threshold_usd).toBe('10.99');
    const refused = await set({ threshold_amount: 1_098, threshold_usd: '10.99' });
    expect([refused.status, refused.body.error.param]).toEqual([400, 'threshold_usd']);
  });

  it('are changed only by admins, and every change is in the audit log', async () => {
    const refused = finance.admin.organization.spendLimit.update({ threshold_amount: 1, ...USD });
    await expect(refused).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
    await admin.admin.organization.spendLimit.update({ threshold_amount: 12_345, ...USD });
    const { body } = await app.call('GET /v1/admin/audit_log?entity=entity1&limit=1');
    expect(body.data[0]).toMatchObject({ action: 'limits.change', after: { monthly_cap_usd: '123.45' } });
  });

  it.each([
    [{}, 'threshold_amount'],
    [{ threshold_amount: 0 }, 'threshold_amount'],
    [{ threshold_amount: 1.5 }, 'threshold_amount'],
    [{ threshold_amount: '100' }, 'threshold_amount'],
    [{ threshold_amount: 1e15 }, 'threshold_amount'],
    [{ threshold_amount: 1, currency: 'EUR' }, 'currency'],
    [{ threshold_amount: 1, interval: 'year' }, 'interval'],
    [{ threshold_amount: 1, colour: 'red' }, 'colour'],
  ])('refuse %j and name the field', async (body, param) => {
    for (const path of ['', '/projects/a']) {
      const answer = await app.call(`POST /v1/organization${path}/spend_limit`, {
        body,
        headers: { 'openai-organization': 'entity1' },
      });
      expect([answer.status, answer.body.error.param]).toEqual([400, param]);
    }
  });
});
