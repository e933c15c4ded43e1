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

  it("begins with the plan's, in whole cents", async () => {
    expect(await finance.admin.organization.spendLimit.retrieve()).toEqual({
      object: 'organization.spend_limit',
      threshold_amount: 10_000,
      ...USD,
      enforcement: { status: 'inactive' },
    });
  });

  it('set is in force for the next decision, and lifted as well', async () => {
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

  it('of a project is its own', async () => {
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

  it('says when it is enforcing: from the limit on', async () => {
    const { spendLimit } = admin.admin.organization.projects;
    const million = anEvent({ subject: 'entity1/d', tokens: { inputTokens: 1_000_000, outputTokens: 0 } });
    await recordUsage(app, [million]);
    const above = await spendLimit.update('d', { threshold_amount: 72, ...USD });
    expect(above.enforcement.status).toBe('inactive');
    const reached = await spendLimit.update('d', { threshold_amount: 71, ...USD });
    expect(reached.enforcement.status).toBe('enforcing');
  });

  it('rounds a cap that is no whole number of cents down', async () => {
    await app.call('PATCH /v1/admin/entities/odd/limits', { body: { monthly_cap_usd: '0.019999' } });
    const headers = { 'openai-organization': 'odd' };
    const { body } = await app.call('GET /v1/organization/spend_limit', { headers });
    expect(body.threshold_amount).toBe(1);
  });

  it('is written by admins, and leaves a trace', async () => {
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
  ])('%j is a 400 that names the field', async (body, param) => {
    for (const path of ['', '/projects/a']) {
      const answer = await app.call(`POST /v1/organization${path}/spend_limit`, {
        body,
        headers: { 'openai-organization': 'entity1' },
      });
      expect([answer.status, answer.body.error.param]).toEqual([400, param]);
    }
  });
});

describe('the forecast over HTTP', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
  });
  afterAll(() => app.close());

  it('is in the balance, and with its range on its own; capped where credits end', async () => {
    await app.call('PATCH /v1/admin/entities/entity1/limits', {
      body: { overage: 'allowed', monthly_cap_usd: null },
    });
    const days = [15, 16, 17, 18, 19, 20, 21];
    const usage = (subject: string) =>
      days.map((day) =>
        anEvent({
          subject,
          occurredAt: new Date(`2026-11-${day}T10:00:00Z`),
          tokens: { inputTokens: 1_000_000, outputTokens: 0 },
        }),
      );
    await recordUsage(app, usage('entity1/a'));
    // Half of the 22nd and eight more days, at $0.71 each.
    const { body } = await app.call('GET /v1/entities/entity1/forecast', {
      key: await app.key('finance', 'entity1'),
    });
    expect(body).toEqual({
      object: 'forecast',
      entity: 'entity1',
      as_of: Date.parse('2026-11-22T12:00:00Z') / 1000,
      period: '2026-11',
      month_to_date_usd: '4.97',
      forecast_usd: '11.005',
      low_usd: '11.005',
      high_usd: '11.005',
      capped: false,
      reason: null,
    });
    expect((await app.call('GET /v1/entities/entity1/balance')).body.forecast_usd).toBe('11.005');
    await app.call('PATCH /v1/admin/entities/entity1/projects/a/limits', { body: { monthly_cap_usd: '10' } });
    const capped = await app.call('GET /v1/entities/entity1/forecast');
    expect(capped.body).toMatchObject({ forecast_usd: '10', high_usd: '10', capped: true });
    await recordUsage(app, usage('free/a'));
    const free = await app.call('GET /v1/entities/free/forecast');
    expect(free.body).toMatchObject({ month_to_date_usd: '4.97', forecast_usd: '4.97', capped: true });
  });

  it('is null with a reason where there is too little data', async () => {
    const none = {
      forecast_usd: null,
      low_usd: null,
      high_usd: null,
      capped: null,
      reason: 'not_enough_data',
    };
    expect((await app.call('GET /v1/entities/stranger/forecast')).body).toMatchObject(none);
    await recordUsage(app, [
      anEvent({ subject: 'young/a', occurredAt: new Date('2026-11-20T10:00:00Z') }),
      anEvent({ subject: 'young/a' }),
    ]);
    expect((await app.call('GET /v1/entities/young/forecast')).body).toMatchObject(none);
    expect((await app.call('GET /v1/entities/young/balance')).body.forecast_usd).toBeNull();
  });
});
