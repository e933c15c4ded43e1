/** Whatever happens to a purchase, in whatever order: the books agree after each step, and what FOCUS bills is what the ledger says. */
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HOUR_MS } from '../../src/domain/buckets.js';
import { TallyError } from '../../src/domain/errors.js';
import { periodEnd, periodOf, type Period } from '../../src/domain/period.js';
import { FocusExports } from '../../src/reports/focus-exports.js';
import { theBooks, type Books } from '../support/books.js';
import { anEvent } from '../support/builders.js';
import { buy, expectAgreement, publish, setFrozen, voidGrant } from '../support/correcting.js';
import { checkFocus, picosOf, readFocus, sumPicos } from '../support/focus-checker.js';

/** A token costs a cent, so that statements round nothing away. */
const CENT = 10n ** 10n;
const MODEL = 'one-cent';
const START = '2026-11-27T12:00:00Z';

let books: Books;
/** Books of its own for each history: their clock goes back, which no books do that have closed a month. */
async function open(): Promise<void> {
  books = await theBooks();
  await publish(books, MODEL, '10000');
}
beforeEach(open);
afterEach(() => books.close());

type Purchase = { readonly entity: string; readonly id: string };

const use = (entity: string, tokens: number) =>
  books.recorder.record([
    anEvent({
      subject: `${entity}/p`,
      model: MODEL,
      occurredAt: books.clock.now(),
      quantities: { input: tokens },
    }),
  ]);
const wait = (hours: number) => books.clock.advance(hours * HOUR_MS);

const STEPS: Readonly<Record<string, (purchase: Purchase) => Promise<unknown>>> = {
  burn: ({ entity }) => use(entity, 130),
  'void of a part': (purchase) => voidGrant(books, purchase, { amountPicos: 170n * CENT }),
  'void of what is left': (purchase) => voidGrant(books, purchase),
  refund: (purchase) => voidGrant(books, purchase, { amountPicos: 310n * CENT, refund: true }),
  freeze: (purchase) => setFrozen(books, purchase, 'freeze'),
  unfreeze: (purchase) => setFrozen(books, purchase, 'unfreeze'),
  'paying a debt': ({ entity }) => buy(books, entity, 90n * CENT),
  'paying a debt by a gift': ({ entity }) => buy(books, entity, 70n * CENT, { category: 'promotional' }),
  expiry: async () => {
    wait(24 + 73);
    await books.expiry.expire();
  },
  'the end of the month': async () => {
    const next = new Date(`${books.clock.now().toISOString().slice(0, 7)}-28T00:00:00Z`);
    books.clock.set(new Date(next.getTime() + 8 * 24 * HOUR_MS));
    await books.posting.post();
    await books.periods.closePeriods();
  },
};

const NAMES = Object.keys(STEPS);

/** A step that the state does not allow is refused in words, and changes nothing. */
async function take(name: string, purchase: Purchase): Promise<void> {
  await STEPS[name]!(purchase).catch((error: unknown) => {
    if (!(error instanceof TallyError)) throw error;
  });
  await expectAgreement(books);
}

/** By period, what the ledger and the account say that the customer is asked to pay. */
async function billed(entity: string): Promise<Map<string, bigint>> {
  const { rows } = await books.postgres.pool.query<{ period: string; picos: string }>(
    `select period, sum(picos)::text as picos from (
       select period, overage_picos as picos from entity_spend where entity = $1
       union all
       select period, case when kind = 'purchase' then amount_picos else -amount_picos end
       from ledger_entries where entity = $1 and kind in ('purchase', 'refund', 'refund_debt')
     ) b group by period order by period`,
    [entity],
  );
  return new Map(rows.map(({ period, picos }) => [period, BigInt(picos)]));
}

function monthsSoFar(): Period[] {
  const months: Period[] = [];
  for (let at = new Date(START); at < new Date(books.clock.now().getTime() + 31 * 24 * HOUR_MS);) {
    months.push(periodOf(at));
    at = periodEnd(periodOf(at));
  }
  return months;
}

async function owedOfRefunds(entity: string): Promise<bigint> {
  const { rows } = await books.postgres.pool.query<{ owed: string }>(
    `select coalesce(sum(d.amount_picos - d.paid_picos), 0)::text as owed
     from debts d join ledger_entries e on e.entity = d.entity and e.id = d.id
     where d.entity = $1 and e.kind = 'refund_debt'`,
    [entity],
  );
  return BigInt(rows[0]!.owed);
}

async function expectFocusToAgree(entity: string): Promise<void> {
  const exports = new FocusExports(books.database.lagging, { name: 'Tally', address: null });
  const expected = await billed(entity);
  let [allBilled, allEffective] = [0n, 0n];
  for (const period of monthsSoFar()) {
    const csv = await text(await exports.open({ period, entity }));
    expect(checkFocus(csv)).toEqual([]);
    const rows = readFocus(csv);
    expect([period, sumPicos(rows, 'BilledCost')]).toEqual([period, expected.get(period) ?? 0n]);
    allBilled += sumPicos(rows, 'BilledCost');
    allEffective += rows.reduce((sum, row) => sum + picosOf(row['EffectiveCost']), 0n);
  }
  // What is bought is effective once it is used, taken back or expired; what a refund took back of used credits, and nobody has paid, is not billed.
  const grants = await books.grants.of(books.database.reader, entity);
  const paid = grants.filter(({ category }) => category === 'paid');
  const left = paid.reduce((sum, { remainingPicos }) => sum + remainingPicos, 0n);
  expect(allEffective + left).toBe(allBilled + (await owedOfRefunds(entity)));
}

describe('after any two of what may happen to a purchase', () => {
  it.each(NAMES)('the books and FOCUS agree: %s, and then each other', async (first) => {
    for (const second of NAMES) {
      books.clock.set(START);
      const entity = `${first} ${second}`.replaceAll(' ', '-');
      const expiresAt = new Date(books.clock.now().getTime() + 24 * HOUR_MS);
      const { id } = await buy(books, entity, 400n * CENT, { expiresAt });
      await use(entity, 150);
      for (const name of [first, second]) await take(name, { entity, id });
      await expectFocusToAgree(entity);
    }
  });
});

describe('after any history of a purchase with a debt', () => {
  it('the books and FOCUS agree', async () => {
    expect.hasAssertions();
    const histories = fc.array(fc.constantFrom(...NAMES), { minLength: 2, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(histories, async (names) => {
        await books.close();
        await open();
        books.clock.set(START);
        const entity = 'history';
        const { id } = await buy(books, entity, 400n * CENT);
        await use(entity, 150);
        for (const name of ['refund', ...names]) await take(name, { entity, id });
        await expectFocusToAgree(entity);
      }),
      { numRuns: 10, endOnFailure: true },
    );
  });
});

describe('refunds of one purchase', () => {
  it('are never more than it together, in an open month and after its close', async () => {
    books.clock.set(START);
    const { entity, id } = await buy(books, 'refunded', 400n * CENT).then((grant) => ({
      ...grant,
      entity: 'refunded',
    }));
    await use(entity, 150);
    const refund = (cents: bigint) =>
      voidGrant(books, { entity, id }, { amountPicos: cents * CENT, refund: true });
    await refund(300n);
    await expect(refund(101n)).rejects.toThrow('amount_usd must be at most 1');
    await STEPS['the end of the month']!({ entity, id });
    await expect(refund(101n)).rejects.toThrow('amount_usd must be at most 1');
    await refund(100n);
    await expect(refund(1n)).rejects.toThrow('amount_usd must be at most 0');
    await expectAgreement(books);
    expect([...(await billed(entity))]).toEqual([
      ['2026-11', 100n * CENT],
      ['2026-12', -100n * CENT],
    ]);
    await expectFocusToAgree(entity);
  });
});
