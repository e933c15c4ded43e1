import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { LLAMA } from '../support/builders.js';
import { TestClock } from '../support/test-clock.js';

describe('credits over HTTP', () => {
  const clock = new TestClock();
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp({ clock });
    for (const entity of ['entity1', 'entity2'])
      await app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'free' } });
  });
  afterAll(() => app.close());

  const buy = (entity: string, body: object) =>
    app.call(`POST /v1/admin/entities/${entity}/credits`, { body });

  it('a grant is returned in full, with exact decimals and its defaults', async () => {
    const { status, body } = await buy('entity1', {
      amount_usd: '500.000000000001',
      reference: 'inv_42',
      note: 'November',
      expires_at: '2027-11-22T00:00:00Z',
    });
    expect([status, body]).toEqual([
      201,
      {
        object: 'credit_grant',
        id: expect.stringMatching(/^grant_/),
        entity: 'entity1',
        category: 'paid',
        priority: 50,
        amount_usd: '500.000000000001',
        remaining_usd: '500.000000000001',
        burnt_usd: '0',
        voided_usd: '0',
        debt_paid_usd: '0',
        owed_usd: '0',
        frozen_at: null,
        expired_usd: '0',
        reference: 'inv_42',
        note: 'November',
        effective_at: Date.parse('2026-11-22T12:00:00Z') / 1e3,
        expires_at: Date.parse('2027-11-22T00:00:00Z') / 1e3,
        created_at: Date.parse('2026-11-22T12:00:00Z') / 1e3,
      },
    ]);
    const { body: list } = await app.call('GET /v1/admin/entities/entity1/credits');
    expect(list).toMatchObject({ object: 'list', data: [body], has_more: false });
  });

  it('voiding a grant takes what is left of it, and the ledger lists both movements, newest first', async () => {
    const { body: grant } = await buy('entity2', { amount_usd: '7', category: 'promotional' });
    const path = `POST /v1/admin/entities/entity2/credits/${grant.id}/void`;
    const voided = await app.call(path, { body: { reason: 'mistake' } });
    expect([voided.status, voided.body]).toMatchObject([200, { remaining_usd: '0', voided_usd: '7' }]);
    expect((await app.call(path, { body: { reason: 'again' } })).body).toMatchObject({ voided_usd: '7' });
    const first = await app.call('GET /v1/admin/entities/entity2/ledger?limit=1');
    expect(first.body).toMatchObject({
      has_more: true,
      data: [{ kind: 'void', amount_usd: '7', reference: 'mistake' }],
    });
    const second = await app.call(
      `GET /v1/admin/entities/entity2/ledger?limit=1&after=${first.body.last_id}`,
    );
    expect(second.body).toMatchObject({ has_more: false, data: [{ kind: 'promotion', grant: grant.id }] });
  });

  it('a grant of another entity is not found', async () => {
    const { body: grant } = await buy('entity2', { amount_usd: '7' });
    const path = `POST /v1/admin/entities/entity1/credits/${grant.id}/void`;
    expect((await app.call(path, { body: { reason: 'x' } })).status).toBe(404);
  });

  it("a plan's monthly allowance is in the balance, once", async () => {
    await app.call('PUT /v1/admin/plans/gift', { body: { monthly_credit_usd: '5' } });
    await app.call('PUT /v1/admin/entities/gifted', { body: { plan: 'gift' } });
    for (let times = 0; times < 2; times += 1) {
      expect((await app.call('GET /v1/entities/gifted/balance')).body).toMatchObject({ credits_usd: '5' });
    }
    const reservation = { project: 'gifted/p', model: LLAMA };
    expect((await app.call('POST /v1/quota/reservations', { body: reservation })).status).toBe(201);
  });
});
