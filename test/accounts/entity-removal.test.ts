import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { recordUsage } from '../support/usage.js';

describe('an entity that is deleted', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
  });
  afterAll(() => app.close());

  const remove = (entity: string) => app.call(`DELETE /v1/admin/entities/${entity}`);
  const reserve = async (entity: string) => {
    const body = { project: `${entity}/p`, model: LLAMA, input_tokens: 1_000, max_output_tokens: 0 };
    return (await app.call('POST /v1/quota/reservations', { body })).status;
  };

  it('is gone with its projects, for reports and for the next decision, and may be created again', async () => {
    for (let times = 0; times < 3; times += 1) await app.limit('gone', { overage: 'allowed' });
    await app.limit('gone/p', { monthly_cap_usd: '5' });
    const { id } = (
      await app.call('POST /v1/quota/reservations', {
        body: { project: 'gone/p', model: LLAMA, input_tokens: 1_000, max_output_tokens: 0 },
      })
    ).body;
    await app.call(`POST /v1/quota/reservations/${id}/release`);
    expect((await remove('gone')).body).toEqual({ object: 'entity.deleted', entity: 'gone', deleted: true });
    expect((await remove('gone')).status).toBe(404);
    expect((await app.call('GET /v1/entities/gone/balance')).status).toBe(404);
    expect(await reserve('gone')).toBe(429);
    await app.limit('gone', { overage: 'allowed' });
    expect(await reserve('gone')).toBe(201);
    expect((await app.call('GET /v1/admin/entities/gone/projects')).body.data).toEqual([]);
  });

  it.each<[string, (entity: string) => Promise<unknown>]>([
    ['usage', (entity) => recordUsage(app, [anEvent({ subject: `${entity}/p` })])],
    [
      'credits',
      (entity) =>
        app.call(`POST /v1/admin/entities/${entity}/credits`, {
          body: { amount_usd: '1' },
          headers: { 'idempotency-key': entity },
        }),
    ],
    ['keys', (entity) => app.key('gateway', entity)],
  ])('is not one with %s, which the error names', async (what, give) => {
    await app.call(`PUT /v1/admin/entities/has-${what}`, { body: { plan: 'free' } });
    await give(`has-${what}`);
    const { status, body } = await remove(`has-${what}`);
    expect([status, body.error.code]).toEqual([409, 'conflict']);
    expect(body.error.message).toContain(what);
    expect((await app.call(`GET /v1/admin/entities/has-${what}`)).status).toBe(200);
  });
});
