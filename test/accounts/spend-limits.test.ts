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
      ...USD,
      enforcement: { status: 'inactive' },
    });
  });

  it('apply to the next decision when set, and when lifted', async () => {
    const limit = await admin.admin.organization.spendLimit.update({ threshold_amount: 70, ...USD });
    expect(limit).toMatchObject({ object: 'organization.spend_limit', threshold_amount: 70 });
    expect(await reserve('entity1/a')).toBe(429);
    expect(await finance.admin.organization.spendLimit.retrieve()).toEqual(limit);
    const entity = await app.call('GET /v1/admin/entities/entity1');
    expect(entity.body.monthly_cap_usd).toBe('0.7');
    expect(await admin.admin.organization.spendLimit.delete()).toEqual({
      object: 'organization.spend_limit.deleted',
      deleted: true,
    });
    expect(await reserve('entity1/a')).toBe(201);
    const gone = finance.admin.organization.spendLimit.retrieve();
    await expect(gone).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    expect(await admin.admin.organization.spendLimit.delete()).toMatchObject({ deleted: true });
  });

  it("are the project's own on a project's path", async () => {
    const { spendLimit } = admin.admin.organization.projects;
    await expect(spendLimit.retrieve('b')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(spendLimit.delete('b')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    const limit = await spendLimit.update('b', { threshold_amount: 71, ...USD });
    expect(limit).toEqual({
      object: 'project.spend_limit',
      threshold_amount: 71,
      ...USD,
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

  it('are rounded down to whole cents', async () => {
    await app.call('PATCH /v1/admin/entities/odd/limits', { body: { monthly_cap_usd: '0.019999' } });
    const headers = { 'openai-organization': 'odd' };
    const { body } = await app.call('GET /v1/organization/spend_limit', { headers });
    expect(body.threshold_amount).toBe(1);
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
