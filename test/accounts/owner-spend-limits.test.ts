import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { chosenBy } from '../../src/accounts/spend-limits.js';
import { anApp, type TestApp } from '../support/app.js';
import { LLAMA } from '../support/builders.js';

const PATHS = ['', '/projects/p'];

describe("a customer's own spend limit", () => {
  let app: TestApp;
  let entity: string;
  let owner: string;
  let finance: string;
  let count = 0;
  beforeAll(async () => {
    app = await anApp();
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    count += 1;
    entity = `owned${count}`;
    await app.limit(entity, { monthly_cap_usd: null, overage: 'allowed' });
    await app.limit(`${entity}/p`, {});
    [owner, finance] = await Promise.all([app.key('owner', entity), app.key('finance', entity)]);
  });

  const asOwner = (verb: string, path: string, body?: object) =>
    app.call(`${verb} /v1/organization${path}/spend_limit`, { key: owner, ...(body && { body }) });
  const asAdmin = (verb: string, path: string, body?: object) =>
    app.call(`${verb} /v1/organization${path}/spend_limit`, {
      headers: { 'openai-organization': entity },
      ...(body && { body }),
    });
  const inForce = (path: string) => app.call(`GET /v1/organization${path}/spend_limit`, { key: finance });
  /** Holds $0.71. */
  const reserve = async () => {
    const body = { project: `${entity}/p`, model: LLAMA, input_tokens: 1_000_000, max_output_tokens: 0 };
    const { status, body: answer } = await app.call('POST /v1/quota/reservations', { body });
    return status === 201
      ? 201
      : {
          limit: answer.error.details.limit,
          by: answer.error.details.set_by,
          at: answer.error.details.limit_usd,
        };
  };

  it.each([
    ['', 'entity_monthly_cap'],
    ['/projects/p', 'project_monthly_cap'],
  ])('%s counts beside the cap: the lower one denies, and is named', async (path, limit) => {
    await asAdmin('POST', path, { threshold_amount: 60 });
    await asOwner('POST', path, { threshold_amount: 50 });
    expect(await reserve()).toEqual({ limit, by: 'owner', at: '0.5' });
    await asOwner('POST', path, { threshold_amount: 1_000 });
    expect(await reserve()).toEqual({ limit, by: 'admin', at: '0.6' });
    await asAdmin('DELETE', path);
    expect(await reserve()).toBe(201);
    await asOwner('POST', path, { threshold_amount: 71 });
    expect(await reserve()).toMatchObject({ by: 'owner' });
    await asOwner('DELETE', path);
    expect(await reserve()).toBe(201);
  });

  it.each(PATHS)(
    "%s neither shows nor lifts an admin's, and an admin's call does not lift it",
    async (path) => {
      await asAdmin('POST', path, { threshold_amount: 100 });
      expect((await asOwner('GET', path)).status).toBe(404);
      expect((await asOwner('DELETE', path)).status).toBe(404);
      const set = await asOwner('POST', path, { threshold_amount: 250 });
      expect(set.body).toMatchObject({ threshold_amount: 250, source: 'owner' });
      expect((await asOwner('GET', path)).body).toEqual(set.body);
      expect((await asAdmin('GET', path)).body).toMatchObject({ threshold_amount: 100, source: 'own' });
      expect((await inForce(path)).body).toMatchObject({ threshold_amount: 100, source: 'own' });
      await asOwner('POST', path, { threshold_amount: 90 });
      expect((await inForce(path)).body).toMatchObject({ threshold_amount: 90, source: 'owner' });
      expect((await asOwner('DELETE', path)).status).toBe(200);
      expect((await asOwner('DELETE', path)).status).toBe(404);
      expect((await asAdmin('GET', path)).body.threshold_amount).toBe(100);
      await asOwner('POST', path, { threshold_amount: 250 });
      expect((await asAdmin('DELETE', path)).status).toBe(200);
      expect((await asOwner('GET', path)).body.threshold_amount).toBe(250);
    },
  );

  it('cannot be reached of another customer, and is audited with who set it', async () => {
    const other = await app.call('GET /v1/organization/spend_limit', {
      key: owner,
      headers: { 'openai-organization': 'someone' },
    });
    expect([403, 404]).toContain(other.status);
    await asOwner('POST', '', { threshold_amount: 123 });
    const { body } = await app.call(`GET /v1/admin/audit_log?entity=${entity}&limit=1`);
    expect(body.data[0]).toMatchObject({
      action: 'spend_limit.change',
      before: { spend_limit_usd: null },
      after: { spend_limit_usd: '1.23' },
    });
    expect(
      (await app.call(`PATCH /v1/admin/entities/${entity}/limits`, { key: owner, body: {} })).status,
    ).toBe(403);
  });

  it('is shown to admins and in the balance, which has the lower one as the cap in force', async () => {
    await app.limit(entity, { monthly_cap_usd: '3' });
    await asOwner('POST', '', { threshold_amount: 200 });
    await asOwner('POST', '/projects/p', { threshold_amount: 150 });
    expect((await app.call(`GET /v1/admin/entities/${entity}`)).body).toMatchObject({
      monthly_cap_usd: '3',
      spend_limit_usd: '2',
    });
    expect((await app.call(`GET /v1/entities/${entity}/balance`)).body).toMatchObject({
      monthly_cap_usd: '2',
      spend_limit_usd: '2',
      projects: [{ project: 'p', monthly_cap_usd: '1.5', spend_limit_usd: '1.5' }],
    });
  });
});

const cents = fc.option(fc.bigInt(0n, 20n), { nil: null });

it('of the two limits, readers see the lower one and each of the others only its own', () => {
  fc.assert(
    fc.property(cents, fc.boolean(), cents, (capPicos, isOwn, ownersPicos) => {
      const found = { capPicos, isOwn, ownersPicos };
      expect(chosenBy('admin', found)?.thresholdPicos ?? null).toBe(capPicos);
      expect(chosenBy('owner', found)?.thresholdPicos ?? null).toBe(ownersPicos);
      const both = [capPicos, ownersPicos].filter((each) => each !== null);
      const lower = both.length === 0 ? null : both.reduce((a, b) => (a < b ? a : b));
      expect(chosenBy('finance', found)?.thresholdPicos ?? null).toBe(lower);
      expect(chosenBy('finance', found)?.source === 'owner').toBe(
        ownersPicos !== null && (capPicos === null || ownersPicos < capPicos),
      );
    }),
  );
});
