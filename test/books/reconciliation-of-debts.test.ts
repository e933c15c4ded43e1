/** Damage to what was taken back of grants and to debts, each found by its own check. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { theBooks, type Books } from '../support/books.js';
import { anEvent } from '../support/builders.js';
import { buy, expectAgreement, publish, voidGrant } from '../support/correcting.js';

let books: Books;
/** Of 400 bought credits 150 are used. 300 are taken back: 50 of them as a debt, of which a purchase has paid 20. */
beforeAll(async () => {
  books = await theBooks();
  await publish(books, 'one-pico', '0.000001');
  const grant = await buy(books, 'debtor', 400n);
  await books.recorder.record([
    anEvent({ subject: 'debtor/p', model: 'one-pico', occurredAt: books.clock.now() }),
  ]);
  await voidGrant(books, grant, { amountPicos: 300n, refund: true });
  await buy(books, 'debtor', 20n);
  await expectAgreement(books);
});
afterAll(() => books.close());

it.each([
  ['the ledger has every debt', 'update debts set amount_picos = amount_picos + 1'],
  ['the ledger has every debt', 'delete from debts'],
  [
    'payments of debts in the ledger equal what debts say was paid',
    'update debts set paid_picos = paid_picos + 1',
  ],
  [
    'payments of debts in the ledger equal what grants say they repaid',
    `update credit_grants set repaid_picos = repaid_picos - 1, remaining_picos = remaining_picos + 1 where repaid_picos > 0`,
  ],
  [
    'what voids and refunds took equals what grants say was voided',
    `update credit_grants set voided_picos = voided_picos - 1, remaining_picos = remaining_picos + 1 where voided_picos > 0`,
  ],
  [
    'nothing can be spent while something is owed',
    `update credit_grants set repaid_picos = repaid_picos - 1, remaining_picos = remaining_picos + 1 where repaid_picos > 0`,
  ],
])('"%s" finds %s', async (name, damage) => {
  const client = await books.postgres.pool.connect();
  const failing = async () => {
    const { checks } = await books.reconciliation.run();
    return checks.filter(({ ok }) => !ok).map((check) => check.name);
  };
  try {
    await client.query('create table kept_debts as table debts');
    await client.query(
      'create table kept_grants as select id, remaining_picos, repaid_picos, voided_picos from credit_grants',
    );
    await client.query(damage);
    expect(await failing()).toContain(name);
    await client.query('delete from debts');
    await client.query(
      'insert into debts (entity, id, grant_id, amount_picos, paid_picos) select entity, id, grant_id, amount_picos, paid_picos from kept_debts',
    );
    await client.query(
      `update credit_grants g set remaining_picos = k.remaining_picos, repaid_picos = k.repaid_picos, voided_picos = k.voided_picos
       from kept_grants k where k.id = g.id`,
    );
    await client.query('drop table kept_debts, kept_grants');
    expect(await failing()).toEqual([]);
  } finally {
    client.release();
  }
});
