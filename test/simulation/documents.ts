/** Statements and FOCUS exports of a customer's month, as the model computes them from its own books. */
import assert from 'node:assert/strict';
import type { TestApp } from '../support/app.js';
import { readCsv } from '../support/csv-reader.js';
import type { Account } from './accounts.js';
import type { Sql } from './invariants.js';
import { picosOf, usdOf } from './usd.js';

type Asked = { readonly call: TestApp['call']; readonly sql: Sql; readonly account: Account };

type Amount = { readonly exact_usd: string; readonly amount_usd: string };

/** What the month has of each kind of movement, by category of the grant. */
type Moved = (kind: string, category?: 'paid' | 'promotional') => bigint;

export async function compareDocuments(month: string, { call, sql, account }: Asked): Promise<void> {
  const { name } = account;
  const expired = await expiredIn(sql, name);
  const statement = await call(`GET /v1/entities/${name}/statements/${month}`);
  assert.equal(statement.status, 200, statement.text);
  const { charges, credits, billed, debt, status } = statement.body;
  const total = ({ exact_usd, amount_usd }: Amount): Amount => ({ exact_usd, amount_usd });
  const said = {
    isFinal: status === 'final',
    charges: total(charges),
    credits: total(credits),
    debt: [debt.opening, debt.incurred, debt.paid, debt].map(total),
    billed: [billed.charges, billed.purchases, billed.refunds, billed].map(total),
  };
  const expected = statementOf(account, month, expired);
  assert.deepEqual(said, expected, `the statement of ${name} for ${month}`);
  const focus = await call(`GET /v1/exports/focus.csv?period=${month}&entity=${name}`);
  assert.equal(focus.status, 200, focus.text);
  const effective = effectiveIn(account, month, expired) + roundingOf(expected.billed[3]!);
  assert.deepEqual(
    sumsOf(focus.text),
    { BilledCost: cents(expected.billed[3]!.amount_usd), EffectiveCost: usdOf(effective) },
    `the FOCUS rows of ${name} for ${month}`,
  );
}

function statementOf(account: Account, month: string, expired: ReadonlyMap<string, bigint>) {
  const moved = movedIn(account, month, expired);
  const before = monthsOf(account, expired).filter((other) => other < month);
  const owedBefore = sum(before.map((other) => owedIn(movedIn(account, other, expired))));
  const incurred = moved('void_debt') + moved('refund_debt');
  const left = (other: string) =>
    leftIn(movedIn(account, other, expired)) - (account.burntIn.get(other) ?? 0n);
  const charges = amount(account.overageIn.get(month) ?? 0n);
  const purchases = amount(moved('purchase'));
  const refunds = amount(-moved('refund') - moved('refund_debt'));
  return {
    isFinal: account.closed.has(month),
    charges,
    credits: amount(sum([...before, month].map(left))),
    debt: [owedBefore, incurred, -moved('debt_payment'), owedBefore + owedIn(moved)].map(amount),
    billed: [charges, purchases, refunds, added([charges, purchases, refunds])],
  };
}

/** What the month's usage is worth without gifts, and what became of bought credits besides. */
function effectiveIn(account: Account, month: string, expired: ReadonlyMap<string, bigint>): bigint {
  const moved = movedIn(account, month, expired);
  const usage = (account.spend.get(month) ?? 0n) - (account.promotionalIn.get(month) ?? 0n);
  // A bought credit that pays the debt of a void is lost; a gift that pays that of a refund lowers what is.
  const lost = account.paymentsIn(month, { by: 'paid', ofRefund: false });
  const gained = account.paymentsIn(month, { by: 'promotional', ofRefund: true });
  return usage + moved('expiry', 'paid') + moved('void', 'paid') + lost - gained;
}

/** The model does not know in which month upkeep came to it: only how much of which grant. */
async function expiredIn(sql: Sql, entity: string): Promise<Map<string, bigint>> {
  const rows = await sql(
    `select concat_ws(' ', period, kind, grant_id) as what, sum(amount_picos)::text as amount from ledger_entries
     where entity = $1 and kind = 'expiry' group by period, kind, grant_id`,
    [entity],
  );
  return new Map(rows.map((row) => [String(row['what']), BigInt(String(row['amount']))]));
}

function movedIn(account: Account, month: string, expired: ReadonlyMap<string, bigint>): Moved {
  const all = [...account.posted, ...expired].map(([what, picos]) => ({ parts: what.split(' '), picos }));
  const categories = new Map(account.grants.map(({ id, category }) => [id, category]));
  return (kind, category) =>
    sum(
      all
        .filter(({ parts }) => parts[0] === month && parts[1] === kind)
        .filter(({ parts }) => category === undefined || categories.get(parts[2]!) === category)
        .map(({ picos }) => picos),
    );
}

function monthsOf(account: Account, expired: ReadonlyMap<string, bigint>): string[] {
  const posted = [...account.posted.keys(), ...expired.keys()].map((what) => what.split(' ')[0]!);
  return [...new Set([...posted, ...account.spend.keys()])];
}

function owedIn(moved: Moved): bigint {
  return moved('void_debt') + moved('refund_debt') - moved('debt_payment');
}

/** Without burns. */
function leftIn(moved: Moved): bigint {
  const gone = sum(['expiry', 'void', 'refund', 'debt_payment'].map((kind) => moved(kind)));
  return moved('purchase') + moved('promotion') - gone;
}

function sumsOf(csv: string): Record<string, string> {
  const [header = [], ...rows] = readCsv(csv);
  return Object.fromEntries(
    ['BilledCost', 'EffectiveCost'].map((column) => {
      const at = header.indexOf(column);
      return [column, usdOf(sum(rows.map((row) => signedPicosOf(row[at]!))))];
    }),
  );
}

function amount(picos: bigint): Amount {
  return { exact_usd: usdOf(picos), amount_usd: inCents(centsOf(picos)) };
}

/** Of printed amounts the cents are added. */
function added(amounts: readonly Amount[]): Amount {
  const exact = sum(amounts.map(({ exact_usd }) => signedPicosOf(exact_usd)));
  const rounded = sum(amounts.map(({ amount_usd }) => signedPicosOf(amount_usd)));
  return { exact_usd: usdOf(exact), amount_usd: inCents(rounded / PICOS_PER_CENT) };
}

function roundingOf({ exact_usd, amount_usd }: Amount): bigint {
  return signedPicosOf(amount_usd) - signedPicosOf(exact_usd);
}

const PICOS_PER_CENT = 10n ** 10n;

/** Half to even. */
function centsOf(picos: bigint): bigint {
  if (picos < 0n) return -centsOf(-picos);
  const twice = 2n * (picos % PICOS_PER_CENT);
  const down = picos / PICOS_PER_CENT;
  return twice > PICOS_PER_CENT || (twice === PICOS_PER_CENT && down % 2n === 1n) ? down + 1n : down;
}

function inCents(count: bigint): string {
  if (count < 0n) return `-${inCents(-count)}`;
  return `${count / 100n}.${String(count % 100n).padStart(2, '0')}`;
}

/** As an amount without trailing zeros. */
function cents(printed: string): string {
  return usdOf(signedPicosOf(printed));
}

function signedPicosOf(usd: string): bigint {
  return usd.startsWith('-') ? -picosOf(usd.slice(1)) : picosOf(usd);
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, one) => total + one, 0n);
}
