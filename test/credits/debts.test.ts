/** What is taken back of a purchase: what is left of it, then a debt, which the next credits pay first. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { planPayments } from '../../src/credits/debts.js';
import type { OpenDebt, Payer } from '../../src/credits/debts.sql.js';
import { anApp, type TestApp } from '../support/app.js';
import { theBooks, type Books } from '../support/books.js';
import { anEvent, LLAMA } from '../support/builders.js';
import {
  buy,
  expectAgreement,
  leftOf,
  ledgerOf,
  publish,
  setFrozen,
  spendOf,
  voidEvent,
  voidGrant,
} from '../support/correcting.js';

/** 150 tokens for a picodollar each. */
const MODEL = 'one-pico';

let books: Books;
beforeEach(async () => {
  books = await theBooks();
  await publish(books, MODEL, '0.000001');
});
afterEach(async () => {
  await expectAgreement(books);
  await books.close();
});

const event = () => anEvent({ subject: 'debtor/p', model: MODEL, occurredAt: books.clock.now() });
const owed = async () =>
  (await books.grants.of(books.database.reader, 'debtor')).reduce(
    (sum, { owedPicos }) => sum + owedPicos,
    0n,
  );

/** A purchase of 400 of which 150 are used. */
async function aPurchase() {
  const { id } = await buy(books, 'debtor', 400n);
  const used = event();
  await books.recorder.record([used]);
  return { entity: 'debtor', id, used };
}

describe('taking credits back', () => {
  it('takes an amount of what is left, and leaves the rest to be spent', async () => {
    const grant = await aPurchase();
    const after = await voidGrant(books, grant, { amountPicos: 100n });
    expect(after).toMatchObject({ remainingPicos: 150n, voidedPicos: 100n, owedPicos: 0n, voidedAt: null });
    await books.recorder.record([event()]);
    expect([await leftOf(books, 'debtor'), await spendOf(books, 'debtor')]).toEqual([['0'], '300 = 300 + 0']);
  });

  it('of more than is left makes the rest a debt, and the next credits pay it before they can be spent', async () => {
    const grant = await aPurchase();
    await voidGrant(books, grant, { amountPicos: 400n, refund: true });
    expect(await owed()).toBe(150n);
    await buy(books, 'debtor', 100n);
    expect([await leftOf(books, 'debtor'), await owed()]).toEqual([['0', '0'], 50n]);
    const next = await buy(books, 'debtor', 100n);
    expect(next).toMatchObject({ remainingPicos: 50n, repaidPicos: 50n });
    expect(await owed()).toBe(0n);
    expect(await ledgerOf(books, 'debtor')).toEqual([
      'purchase 400 2026-11',
      'refund 250 2026-11',
      'refund_debt 150 2026-11',
      'purchase 100 2026-11',
      'debt_payment 100 2026-11',
      'purchase 100 2026-11',
      'debt_payment 50 2026-11',
    ]);
  });

  it('is paid at once by other credits that the entity can spend, but not by frozen or expired ones', async () => {
    const grant = await aPurchase();
    const frozen = await buy(books, 'debtor', 1_000n);
    await setFrozen(books, frozen, 'freeze');
    await buy(books, 'debtor', 1_000n, { expiresAt: new Date(books.clock.now().getTime() + 1_000) });
    books.clock.advance(1_000);
    await buy(books, 'debtor', 60n);
    await voidGrant(books, grant, { amountPicos: 400n });
    expect(await owed()).toBe(90n);
    const after = await setFrozen(books, frozen, 'unfreeze');
    expect(after).toMatchObject({ remainingPicos: 910n, repaidPicos: 90n });
  });

  it('is paid by what a correction gives back to the grant, before anybody can spend it', async () => {
    const grant = await aPurchase();
    await voidGrant(books, grant, { amountPicos: 400n });
    await voidEvent(books, grant.used);
    expect([await leftOf(books, 'debtor'), await owed()]).toEqual([['0'], 0n]);
  });

  it('a second time takes no more than was granted', async () => {
    const grant = await aPurchase();
    await voidGrant(books, grant, { amountPicos: 300n });
    await expect(voidGrant(books, grant, { amountPicos: 101n })).rejects.toThrow('at most 0.0000000001');
    await voidGrant(books, grant, { amountPicos: 100n });
    await expect(voidGrant(books, grant, { amountPicos: 1n })).rejects.toThrow(
      'amount_usd must be at most 0',
    );
  });

  it('refunds no promotional credits', async () => {
    const gift = await buy(books, 'debtor', 10n, { category: 'promotional' });
    await expect(voidGrant(books, gift, { refund: true })).rejects.toMatchObject({ param: 'refund' });
    expect(await voidGrant(books, gift, { amountPicos: 10n })).toMatchObject({ remainingPicos: 0n });
  });

  it("a plan's allowance pays what is owed before usage can burn it", async () => {
    await books.postgres.pool.query(
      `insert into plans (name, overage, monthly_credit_picos) values ('gift', 'allowed', 400)`,
    );
    const grant = await aPurchase();
    await voidGrant(books, grant, { amountPicos: 400n });
    await books.postgres.pool.query(`update entities set plan = 'gift' where name = 'debtor'`);
    await books.recorder.record([event(), event()]);
    expect(await spendOf(books, 'debtor')).toBe('450 = 400 + 50');
    expect(await owed()).toBe(0n);
  });
});

describe('the plan of payments', () => {
  const debt = (id: bigint, duePicos: bigint): OpenDebt => ({ entity: 'e', id, grantId: `g${id}`, duePicos });
  const payer = (id: string, override: Partial<Payer> = {}): Payer => ({
    entity: 'e',
    id,
    category: 'paid',
    priority: 50,
    effectiveAt: new Date(0),
    expiresAt: null,
    createdAt: new Date(0),
    allowancePeriod: null,
    remainingPicos: 10n,
    isVoided: false,
    ...override,
  });
  const planned = (debts: OpenDebt[], payers: Payer[]) =>
    planPayments(debts, payers).map((one) => `${one.payer.id} pays ${one.amountPicos} of ${one.debt.id}`);

  it('goes through debts by age and grants in burn order', () => {
    const payers = [payer('late', { priority: 90 }), payer('soon', { priority: 1 })];
    expect(planned([debt(1n, 4n), debt(2n, 9n)], payers)).toEqual([
      'soon pays 4 of 1',
      'soon pays 6 of 2',
      'late pays 3 of 2',
    ]);
  });

  it('takes what came back to a voided grant for that grant alone, and nothing of a neighbour', () => {
    const voided = payer('g1', { isVoided: true });
    expect(planned([debt(1n, 4n), debt(2n, 9n)], [voided, payer('n', { entity: 'f' })])).toEqual([
      'g1 pays 4 of 1',
    ]);
  });
});

describe('over HTTP', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
    await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'free' } });
  });
  afterAll(() => app.close());
  const buyOne = async (amount_usd: string) =>
    (await app.call('POST /v1/admin/entities/entity1/credits', { body: { amount_usd } })).body;
  const act = (id: string, call: string, body: object) =>
    app.call(`POST /v1/admin/entities/entity1/credits/${id}/${call}`, { body });
  const balance = async () => (await app.call('GET /v1/entities/entity1/balance')).body;
  const reserve = async () => {
    const body = { project: 'entity1/p', model: LLAMA, input_tokens: 1, max_output_tokens: 0 };
    return (await app.call('POST /v1/quota/reservations', { body })).status;
  };

  it('decisions and balances see a freeze, a refund and a debt with the next request', async () => {
    const { id } = await buyOne('1');
    expect(await reserve()).toBe(201);
    expect((await act(id, 'freeze', { reason: 'disputed' })).body.frozen_at).not.toBeNull();
    expect(await balance()).toMatchObject({ credits_usd: '0', frozen_usd: '1', debt_usd: '0' });
    expect(await reserve()).toBe(429);
    await act(id, 'unfreeze', { reason: 'won' });
    expect(await balance()).toMatchObject({ credits_usd: '1', frozen_usd: '0' });
    expect(await reserve()).toBe(201);
    await app.postgres.pool.query(
      `update credit_grants set remaining_picos = 0, burnt_picos = amount_picos where id = $1`,
      [id],
    );
    const refunded = await act(id, 'void', { reason: 'chargeback', amount_usd: '1', refund: true });
    expect(refunded.body).toMatchObject({ remaining_usd: '0', owed_usd: '1' });
    expect(await balance()).toMatchObject({ credits_usd: '0', debt_usd: '1' });
    await buyOne('1');
    expect([await reserve(), (await balance()).debt_usd]).toEqual([429, '0']);
    await buyOne('1');
    expect(await reserve()).toBe(201);
  });

  it('a refund that is sent again under its idempotency key takes back once', async () => {
    const { id } = await buyOne('2');
    const headers = { 'idempotency-key': 'refund-1' };
    const refund = (amount_usd: string) =>
      app.call(`POST /v1/admin/entities/entity1/credits/${id}/void`, {
        body: { reason: 'half of it', amount_usd, refund: true },
        headers,
      });
    const first = await refund('0.5');
    expect((await refund('0.5')).text).toBe(first.text);
    expect((await refund('0.6')).status).toBe(422);
    const { body } = await app.call('GET /v1/admin/entities/entity1/ledger');
    const refunds = body.data.filter(
      (entry: { kind: string; grant: string | null }) =>
        entry.kind === 'refund' && JSON.stringify(entry).includes(id),
    );
    expect(refunds).toMatchObject([{ amount_usd: '0.5' }]);
  });
});
