import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anEvent } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { buy, expectAgreement, publish, voidEvent } from '../support/correcting.js';

/** 150 tokens for a picodollar each. */
const MODEL = 'one-pico';

let books: Books;

/** A closed November with a void in it; in December a re-rating and a void of November's usage, posted and in an open hour. */
beforeAll(async () => {
  books = await theBooks();
  await publish(books, MODEL, '0.000001');
  const event = () => anEvent({ subject: 'a/p', model: MODEL, occurredAt: books.clock.now() });
  await buy(books, 'a', 400n);
  const [first, second, third, kept] = [event(), event(), event(), event()];
  await books.recorder.record([first, second, third, kept]);
  await voidEvent(books, first);
  books.clock.set('2026-12-04T00:00:00Z');
  await books.periods.closePeriods();
  const [from, to] = [new Date('2026-11-01T00:00:00Z'), new Date('2026-12-01T00:00:00Z')];
  await publish(books, MODEL, '0.000002', { from: from.toISOString() });
  await books.rerating.rerate({ model: MODEL, from, to, entity: null, reason: 'r', actor: 't' });
  await voidEvent(books, second);
  books.clock.advance(3_600_000);
  await books.posting.post();
  await voidEvent(books, third);
  await expectAgreement(books);
});
afterAll(() => books.close());

/** Runs SQL without triggers, as a bug or a person in the database could change the books. */
async function failingAfter(sql: string): Promise<string[]> {
  const client = await books.postgres.pool.connect();
  try {
    await client.query('begin');
    await client.query('set local session_replication_role = replica');
    const { rowCount } = await client.query(sql);
    expect(rowCount).toBeGreaterThan(0);
    await client.query('commit');
  } finally {
    client.release(true);
  }
  const { checks } = await books.reconciliation.run();
  return checks.filter((check) => !check.ok).map((check) => check.name);
}

const firstVoid = `id = (select min(id) from usage_corrections where kind = 'void')`;
const firstPosted = `id = (select min(id) from ledger_entries where kind = 'burn_reversal')`;

describe('the reconciliation of corrected books', () => {
  it.each([
    [
      'events equal roll-ups: requests',
      `update usage_corrections set period = '2026-10' where ${firstVoid}`,
      `update usage_corrections set period = '2026-11' where ${firstVoid}`,
    ],
    [
      'events equal roll-ups: quantities',
      `update usage_corrections set input_tokens = input_tokens + 1 where ${firstVoid}`,
      `update usage_corrections set input_tokens = input_tokens - 1 where ${firstVoid}`,
    ],
    [
      'events equal roll-ups: cost',
      `update usage_corrections set old_cost_picos = old_cost_picos + 1 where ${firstVoid}`,
      `update usage_corrections set old_cost_picos = old_cost_picos - 1 where ${firstVoid}`,
    ],
    [
      'corrections start from what their events cost',
      `update usage_corrections set old_cost_picos = old_cost_picos + 1 where kind = 'rerate'`,
      `update usage_corrections set old_cost_picos = old_cost_picos - 1 where kind = 'rerate'`,
    ],
    [
      'corrections move what they change',
      `update usage_corrections set reason = movements::text, movements = '[]' where ${firstVoid}`,
      `update usage_corrections set movements = reason::jsonb, reason = 'r' where ${firstVoid}`,
    ],
    [
      'cost of events equals burns plus overage',
      `update burn_reversals set amount_picos = amount_picos + 1 where grant_id is null and not posted`,
      `update burn_reversals set amount_picos = amount_picos - 1 where grant_id is null and not posted`,
    ],
    [
      'overage of entities equals burns that no grant paid',
      `update entity_spend set burnt_picos = burnt_picos + 1, overage_picos = overage_picos - 1 where period = '2026-12'`,
      `update entity_spend set burnt_picos = burnt_picos - 1, overage_picos = overage_picos + 1 where period = '2026-12'`,
    ],
    [
      'burnt part of events equals burns of grants',
      `update usage_corrections set reason = new_burns::text, new_burns = null where new_burns is not null`,
      `update usage_corrections set new_burns = reason::jsonb, reason = 'r' where reason like '{%'`,
    ],
    [
      'burns equal what grants say was burnt',
      `update burn_reversals set amount_picos = amount_picos + 1 where grant_id is not null`,
      `update burn_reversals set amount_picos = amount_picos - 1 where grant_id is not null`,
    ],
    [
      'ledger and open hours equal what grants have left',
      `update ledger_entries set amount_picos = amount_picos + 1 where ${firstPosted}`,
      `update ledger_entries set amount_picos = amount_picos - 1 where ${firstPosted}`,
    ],
    [
      'ledger holds every closed hour',
      `update ledger_entries set corrects = corrects - 1 where ${firstPosted}`,
      `update ledger_entries set corrects = corrects + 1 where ${firstPosted}`,
    ],
    [
      'closing balances equal the ledger up to their periods',
      `update closed_periods set opening_picos = 1, closing_picos = closing_picos + 1`,
      `update closed_periods set opening_picos = 0, closing_picos = closing_picos - 1`,
    ],
    [
      'spend of closed periods is what their statements say',
      `update closed_periods set cost_picos = cost_picos + 1, overage_picos = overage_picos + 1`,
      `update closed_periods set cost_picos = cost_picos - 1, overage_picos = overage_picos - 1`,
    ],
    [
      'spend of closed periods is what their statements say',
      `update entity_spend set cost_picos = cost_picos + 1, overage_picos = overage_picos + 1 where period = '2026-11'`,
      `update entity_spend set cost_picos = cost_picos - 1, overage_picos = overage_picos - 1 where period = '2026-11'`,
    ],
  ])('fails the check "%s" when it does not hold', async (name, tampering, undoing) => {
    expect(await failingAfter(tampering)).toContain(name);
    expect(await failingAfter(undoing)).toEqual([]);
  });
});
