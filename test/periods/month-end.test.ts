import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HOUR_MS } from '../../src/domain/buckets.js';
import type { EntityName } from '../../src/domain/ids.js';
import { roundHalfEvenToCents } from '../../src/domain/money.js';
import { periodEnd, periodOf, type Period } from '../../src/domain/period.js';
import { FocusExports } from '../../src/reports/focus-exports.js';
import type { Account, Amount, Statement } from '../../src/periods/statement-lines.js';
import { Statements } from '../../src/periods/statements.js';
import type { UsageEvent } from '../../src/domain/usage.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { buy, expectAgreement, publish, setFrozen, voidEvent, voidGrant } from '../support/correcting.js';
import { checkFocus, readFocus, sumPicos } from '../support/focus-checker.js';

const RUNS = 15;

let books: Books;
let statements: Statements;
let exports: FocusExports;
beforeAll(async () => {
  books = await theBooks();
  statements = new Statements(books.database.lagging, books.clock, { name: 'Tally', address: null });
  exports = new FocusExports(books.database.lagging, { name: 'Tally', address: null });
});
afterAll(() => books.close());

const aCount = fc.integer({ min: 1, max: 3_000_000 });
const quantities = fc.record(
  {
    input: aCount,
    cached_input: aCount,
    cache_write_1h: aCount,
    input_audio: aCount,
    output: aCount,
    reasoning: aCount,
    search: fc.integer({ min: 1, max: 9 }),
    page: fc.integer({ min: 1, max: 9 }),
  },
  { requiredKeys: ['input'] },
);

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('buy' as const),
      picos: fc.bigInt({ min: 1n, max: 9n * 10n ** 12n }),
      isPaid: fc.boolean(),
      hours: fc.option(fc.integer({ min: 1, max: 1_000 })),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('use' as const),
      quantities,
      serviceTier: fc.constantFrom('default', 'default', 'batch'),
      model: fc.nat(2),
      project: fc.nat(1),
      hoursAgo: fc.nat(800),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('void' as const), pick: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('void grant' as const), pick: fc.nat(50) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('take back' as const),
      pick: fc.nat(50),
      percent: fc.bigInt({ min: 1n, max: 100n }),
      refund: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('freeze' as const, 'unfreeze' as const), pick: fc.nat(50) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('rerate' as const),
      micros: fc.integer({ min: 1, max: 5_000_000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('price the unpriced' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), hours: fc.integer({ min: 1, max: 400 }) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** One entity's life. Its models: one at the list price, one at an agreed price, and one that has no price at first. */
class Life {
  private readonly events: UsageEvent[] = [];
  private readonly rerated = new Date('2026-01-01T00:00:00Z');
  private readonly frozen = new Map<Period, unknown>();

  /** Time never goes back: each life begins where the previous one ended. */
  private readonly begins = books.clock.now();

  constructor(readonly entity: EntityName) {}

  async take(step: Step): Promise<void> {
    const { clock } = books;
    switch (step.do) {
      case 'buy': {
        const expiresAt = step.hours === null ? null : new Date(clock.now().getTime() + step.hours * HOUR_MS);
        await buy(books, this.entity, step.picos, {
          category: step.isPaid ? 'paid' : 'promotional',
          expiresAt,
        });
        return;
      }
      case 'use': {
        const event = anEvent({
          subject: `${this.entity}/p${step.project}`,
          model: [LLAMA, 'agreed', `new-${this.entity}`][step.model]!,
          occurredAt: new Date(clock.now().getTime() - step.hoursAgo * HOUR_MS),
          quantities: step.quantities,
          serviceTier: step.serviceTier,
        });
        this.events.push(event);
        await books.recorder.record([event]);
        return;
      }
      case 'void': {
        const event = this.events[step.pick % Math.max(this.events.length, 1)];
        if (event !== undefined) await voidEvent(books, event, event.occurredAt);
        return;
      }
      case 'void grant': {
        const grants = await books.grants.of(books.database.reader, this.entity);
        const grant = grants[step.pick % Math.max(grants.length, 1)];
        if (grant !== undefined) await voidGrant(books, { entity: this.entity, id: grant.id });
        return;
      }
      case 'take back': {
        const grants = await books.grants.of(books.database.reader, this.entity);
        const grant = grants[step.pick % Math.max(grants.length, 1)];
        if (grant === undefined) return;
        const picosMax = grant.remainingPicos + grant.burntPicos + grant.repaidPicos - grant.indebtedPicos;
        const amountPicos = (picosMax * step.percent) / 100n;
        const refund = step.refund && grant.category === 'paid';
        if (amountPicos > 0n)
          await voidGrant(books, { entity: this.entity, id: grant.id }, { amountPicos, refund });
        return;
      }
      case 'freeze':
      case 'unfreeze': {
        const grants = await books.grants.of(books.database.reader, this.entity);
        const grant = grants[step.pick % Math.max(grants.length, 1)];
        if (grant !== undefined) await setFrozen(books, { entity: this.entity, id: grant.id }, step.do);
        return;
      }
      case 'rerate': {
        this.rerated.setTime(this.rerated.getTime() + 1_000);
        const usd = `${Math.floor(step.micros / 1e6)}.${String(step.micros % 1e6).padStart(6, '0')}`;
        await publish(books, 'agreed', usd, { entity: this.entity, from: this.rerated.toISOString() });
        const range = { model: 'agreed', from: new Date('2026-01-01'), to: clock.now(), entity: this.entity };
        await books.rerating.rerate({ ...range, reason: 'test', actor: 'test' });
        return;
      }
      case 'price the unpriced': {
        await publish(books, `new-${this.entity}`, '0.3').catch(() => {});
        await books.unpriced.charge();
        return;
      }
      case 'wait': {
        clock.advance(step.hours * HOUR_MS);
        await books.expiry.expire();
        await books.posting.post();
        await books.periods.closePeriods();
        await books.days.build();
        await this.freeze();
      }
    }
  }

  /** Keeps each statement as it was when its period closed. */
  async freeze(): Promise<void> {
    for (const statement of await this.statements()) {
      if (statement.closed === null) continue;
      const before = this.frozen.get(statement.period) ?? contentOf(statement);
      expect(contentOf(statement)).toEqual(before);
      this.frozen.set(statement.period, before);
    }
  }

  async statements(): Promise<Statement[]> {
    const all: Statement[] = [];
    for (const period of periods(this.begins, books.clock.now())) {
      all.push(await statements.read({ entity: this.entity, period }));
    }
    return all;
  }
}

/** From two months before a life begins, because its usage may be older. */
function periods(begins: Date, until: Date): Period[] {
  const first = Date.UTC(begins.getUTCFullYear(), begins.getUTCMonth() - 2, 1);
  const all = [periodOf(new Date(first))];
  while (periodEnd(all.at(-1)!) <= until) all.push(periodOf(periodEnd(all.at(-1)!)));
  return all;
}

/** All events that are charged. */
function contentOf({ charges, credits, closed }: Statement): unknown {
  const lines = charges.lines.filter((line) => line.kind !== 'usage' || line.unitPicos !== null);
  return { lines, total: charges.total, credits, number: closed?.number };
}

function sum(amounts: readonly Amount[], field: keyof Amount): bigint {
  return amounts.reduce((total, amount) => total + amount[field], 0n);
}

function expectSum(account: Account<Amount>): void {
  expect(sum(account.lines, 'cents')).toBe(account.total.cents);
  expect(sum(account.lines, 'exactPicos')).toBe(account.total.exactPicos);
  expect(account.total.cents).toBe(roundHalfEvenToCents(account.total.exactPicos));
}

describe('whatever happened to an entity', () => {
  it('its statements and its FOCUS rows say what the books say, and closed ones never change', async () => {
    await publish(books, 'agreed', '0.5');
    let lives = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 40, size: 'max' }), async (steps) => {
        const life = new Life(`life${(lives += 1)}` as EntityName);
        for (const step of steps) await life.take(step);
        await life.freeze();
        await expectDocuments(life);
        await expectAgreement(books);
      }),
      { numRuns: RUNS },
    );
  });
});

async function expectDocuments(life: Life): Promise<void> {
  const { entity } = life;
  const grants = await books.grants.of(books.database.reader, entity);
  const left = (only: 'paid' | null) =>
    grants
      .filter(({ category }) => only === null || category === only)
      .reduce((total, grant) => total + grant.remainingPicos, 0n);
  let opening = 0n;
  let prepaid = 0n;
  for (const { period, charges, credits, billed } of await life.statements()) {
    expectSum(charges);
    expectSum(credits);
    expect(credits.lines[0]).toMatchObject({ kind: 'opening_balance', exactPicos: opening });
    opening = credits.total.exactPicos;
    const csv = await text(await exports.open({ entity, period }));
    expect(checkFocus(csv)).toEqual([]);
    const rows = readFocus(csv);
    const exact = rows.filter((row) => !row['ChargeDescription']?.startsWith('Rounding'));
    expect(sumPicos(exact, 'BilledCost')).toBe(billed.total.exactPicos);
    expect(sumPicos(rows, 'BilledCost')).toBe(billed.total.cents * 10n ** 10n);
    expect(billed.charges).toEqual(charges.total);
    prepaid += sumPicos(rows, 'BilledCost') - sumPicos(rows, 'EffectiveCost');
  }
  expect(opening).toBe(left(null));
  const { rows } = await books.postgres.pool.query<{ owed: string }>(
    `select coalesce(sum(d.amount_picos - d.paid_picos), 0)::text as owed
     from debts d join ledger_entries l on l.entity = d.entity and l.id = d.id
     where d.entity = $1 and l.kind = 'refund_debt'`,
    [entity],
  );
  // What was refunded after usage had burnt it is effective, and not billed before it is paid.
  expect(prepaid).toBe(left('paid') - BigInt(rows[0]!.owed));
}
