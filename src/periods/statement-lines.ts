/**
 * The lines and totals of a statement. Pure. It has two accounts: the charges, whose total is the amount due, and the credits, whose
 * total is the closing balance. Every line is exact in picodollars and printed in cents, rounded once, half to even. A total is
 * rounded from its exact amount, and a rounding line states the difference, so the printed lines add up to the printed total.
 */
import { requireAgreement } from '../domain/books-differ.js';
import { chargesByMeter } from '../domain/meter-charges.js';
import type { Meter } from '../domain/meters.js';
import { roundHalfEvenToCents } from '../domain/money.js';
import type { Period } from '../domain/period.js';
import type { ClosedPeriod } from './closed-periods.js';
import type { Seller } from './seller.js';
import type {
  StatementDebt,
  StatementMovement,
  StatementPurchases,
  StatementUsage,
} from './statements.sql.js';

export type Amount = { readonly exactPicos: bigint; readonly cents: bigint };

export type UsageLine = Amount & {
  readonly kind: 'usage';
  readonly project: string;
  readonly model: string;
  readonly serviceTier: string;
  readonly meter: Meter;
  /** Negative where corrections took usage back. */
  readonly quantity: bigint;
  readonly unitPicos: bigint | null;
  readonly rateId: bigint;
  /** The month in which it occurred, if that is a closed one. */
  readonly correctionOf: Period | null;
};

export type GrantLine = Amount & {
  readonly kind: StatementMovement['kind'] | 'credits_applied';
  readonly grantId: string;
  readonly category: StatementMovement['category'];
  readonly reference: string | null;
  readonly expiresAt: Date | null;
};

export type OpeningLine = Amount & { readonly kind: 'opening_balance' };
export type RoundingLine = Amount & { readonly kind: 'rounding' };

export type Account<Line> = { readonly lines: readonly (Line | RoundingLine)[]; readonly total: Amount };

export type Statement = {
  readonly entity: string;
  readonly period: Period;
  /** Null while the period is open: then the statement is a draft. */
  readonly closed: { readonly number: string; readonly closedAt: Date } | null;
  readonly asOf: Date;
  readonly charges: Account<UsageLine | GrantLine>;
  readonly credits: Account<OpeningLine | GrantLine>;
  /** What the customer is asked to pay: the charges, and the credits bought less those refunded. */
  readonly billed: Record<'charges' | 'purchases' | 'refunds' | 'total', Amount>;
  /** What is owed for credits that were taken back after usage had burnt them. The next credits pay it. */
  readonly debt: Record<'opening' | 'incurred' | 'paid' | 'closing', Amount>;
  readonly seller: Seller;
};

export type StatementFacts = {
  readonly entity: string;
  readonly period: Period;
  readonly closed: ClosedPeriod | null;
  readonly asOf: Date;
  readonly openingPicos: bigint;
  readonly overageDuePicos: bigint;
  readonly usage: readonly StatementUsage[];
  readonly movements: readonly StatementMovement[];
  readonly debt: StatementDebt;
  readonly purchases: StatementPurchases;
  readonly seller: Seller;
};

/** Fails if the lines do not add up to what the books say: no statement is better than a wrong one. */
export function buildStatement(facts: StatementFacts): Statement {
  const { entity, period, closed, asOf, movements } = facts;
  const burns = movements.filter(({ kind }) => kind === 'burn');
  const charges = account([
    ...facts.usage.flatMap((usage) => usageLines(usage, period)),
    ...burns.map((movement): GrantLine => ({ ...grantLine(movement), kind: 'credits_applied' })),
  ]);
  const opening: OpeningLine = { kind: 'opening_balance', ...amountOf(facts.openingPicos) };
  const credits = account([opening, ...movements.map(grantLine)]);
  const charged = [`the sum of the charges of ${entity} in ${period}`, charges.total.exactPicos] as const;
  requireAgreement(charged, ['its overage', facts.overageDuePicos]);
  if (closed !== null) {
    requireAgreement(charged, ['the total frozen at its close', closed.overageDuePicos]);
    requireAgreement(
      [`the credit balance of ${entity} at the end of ${period}`, credits.total.exactPicos],
      ['the balance frozen at its close', closed.closingPicos],
    );
  }
  const billed = billedOf(charges.total, facts.purchases);
  return {
    entity,
    period,
    closed,
    asOf,
    charges,
    credits,
    billed,
    debt: debtOf(facts.debt),
    seller: facts.seller,
  };
}

/** In cents the total is the sum of its printed parts. The FOCUS export has the difference to the exact one in a row of its own. */
export function billedOf(charges: Amount, of: StatementPurchases): Statement['billed'] {
  const [purchases, refunds] = [amountOf(of.purchasedPicos), amountOf(-of.refundedPicos)];
  const parts = [charges, purchases, refunds];
  const total = {
    exactPicos: parts.reduce((sum, { exactPicos }) => sum + exactPicos, 0n),
    cents: parts.reduce((sum, { cents }) => sum + cents, 0n),
  };
  return { charges, purchases, refunds, total };
}

function debtOf({ openingPicos, incurredPicos, paidPicos }: StatementDebt): Statement['debt'] {
  return {
    opening: amountOf(openingPicos),
    incurred: amountOf(incurredPicos),
    paid: amountOf(-paidPicos),
    closing: amountOf(openingPicos + incurredPicos - paidPicos),
  };
}

function usageLines(usage: StatementUsage, period: Period): UsageLine[] {
  const { project, model, serviceTier, rateId, month } = usage;
  return chargesByMeter(usage).map(({ meter, quantity, unitPicos, costPicos }) => ({
    kind: 'usage',
    project,
    model,
    serviceTier,
    meter,
    quantity,
    unitPicos,
    rateId,
    correctionOf: month === period ? null : month,
    ...amountOf(costPicos),
  }));
}

function grantLine({
  kind,
  grantId,
  category,
  reference,
  expiresAt,
  changePicos,
}: StatementMovement): GrantLine {
  return { kind, grantId, category, reference, expiresAt, ...amountOf(changePicos) };
}

/** Adds up the lines, and adds a rounding line if their cents do not make the total's. */
function account<Line extends Amount>(lines: readonly Line[]): Account<Line> {
  const total = amountOf(lines.reduce((sum, line) => sum + line.exactPicos, 0n));
  const cents = total.cents - lines.reduce((sum, line) => sum + line.cents, 0n);
  if (cents === 0n) return { lines, total };
  return { lines: [...lines, { kind: 'rounding', exactPicos: 0n, cents }], total };
}

export function amountOf(exactPicos: bigint): Amount {
  return { exactPicos, cents: roundHalfEvenToCents(exactPicos) };
}
