/** Which grants pay a charge, and which of them first: decided here and nowhere else. */
import { assert } from './errors.js';
import { GRACE_MS } from './period.js';

export type Grant = {
  readonly id: string;
  readonly category: GrantCategory;
  /** 0 burns first, 100 last. */
  readonly priority: number;
  readonly effectiveAt: Date;
  /** Null never expires. */
  readonly expiresAt: Date | null;
  readonly createdAt: Date;
  /** Null for all but a plan's monthly allowance. */
  readonly allowancePeriod: string | null;
  readonly remainingPicos: bigint;
};

export type GrantCategory = 'paid' | 'promotional';

export type Burn = {
  readonly grantId: string;
  readonly category: GrantCategory;
  readonly amountPicos: bigint;
};

/** What one grant pays in a billing period. */
export type BurnSum = {
  readonly entity: string;
  readonly period: string;
  /** Null is overage: the part that no grant paid. */
  readonly grantId: string | null;
  amountPicos: bigint;
};

/** What a correction gives back of one burn. */
export type BurnReversal = BurnSum & {
  /** With the period and the grant, this identifies the burn. */
  readonly correctedHour: Date;
  readonly correctedPeriod: string;
};

export type Charge = { readonly amountPicos: bigint; readonly occurredAt: Date };

/** How one charge is paid: the parts that grants pay, in burn order, and the overage that no grant pays. */
export type Payment = { readonly burns: readonly Burn[]; readonly overagePicos: bigint };

/**
 * A grant pays what occurred while it was valid and is booked before its grace ends. One that is valid from the moment it was made (a
 * purchase without a start) also pays what occurred before and is booked while it is valid: clocks of gateways differ, and events come
 * late. The start of an allowance, or one that somebody chose, is a border: December's allowance never pays November's usage.
 */
export function pays(
  grant: Grant,
  { occurredAt, bookedAt }: { readonly occurredAt: Date; readonly bookedAt: Date },
): boolean {
  if (isOver(grant, bookedAt) || !isBeforeExpiry(grant, occurredAt)) return false;
  if (occurredAt >= grant.effectiveAt) return true;
  return !hasStart(grant) && grant.effectiveAt <= bookedAt && isBeforeExpiry(grant, bookedAt);
}

function isBeforeExpiry({ expiresAt }: Grant, at: Date): boolean {
  return expiresAt === null || at < expiresAt;
}

/** An allowance has one even if it was made in the month's first millisecond. */
function hasStart({ effectiveAt, createdAt, allowancePeriod }: Grant): boolean {
  return allowancePeriod !== null || effectiveAt.getTime() !== createdAt.getTime();
}

/** From the end of its grace on (inclusive), what is left of a grant is written off: usage comes late, as it does for a period. */
export function isOver({ expiresAt }: Pick<Grant, 'expiresAt'>, at: Date): boolean {
  return expiresAt !== null && expiresAt.getTime() + GRACE_MS <= at.getTime();
}

/** Priority (0 first), soonest expiry, promotional before paid, oldest. The id breaks ties, so that the order is total. */
export function compareBurnOrder(a: Grant, b: Grant): number {
  return (
    a.priority - b.priority ||
    expiryMs(a) - expiryMs(b) ||
    Number(a.category === 'paid') - Number(b.category === 'paid') ||
    a.createdAt.getTime() - b.createdAt.getTime() ||
    (a.id < b.id ? -1 : 1)
  );
}

/** A number, not Infinity: Infinity − Infinity is NaN, which a sort takes for equal. */
function expiryMs(grant: Grant): number {
  return grant.expiresAt?.getTime() ?? Number.MAX_SAFE_INTEGER;
}

/**
 * Pays the charges, in the given order, from the grants that pay them. For every charge Σ burns + overage = charge, and no grant
 * pays more than it has left.
 */
export function burn(grants: readonly Grant[], charges: readonly Charge[], bookedAt: Date): Payment[] {
  const lots = grants
    .filter((grant) => grant.remainingPicos > 0n)
    .sort(compareBurnOrder)
    .map((grant) => ({ grant, leftPicos: grant.remainingPicos }));
  return charges.map(({ amountPicos: chargePicos, occurredAt }) => {
    assert(chargePicos >= 0n, 'a charge is not negative');
    const burns: Burn[] = [];
    let duePicos = chargePicos;
    for (const lot of lots) {
      if (duePicos === 0n) break;
      if (lot.leftPicos === 0n || !pays(lot.grant, { occurredAt, bookedAt })) continue;
      const amountPicos = duePicos < lot.leftPicos ? duePicos : lot.leftPicos;
      burns.push({ grantId: lot.grant.id, category: lot.grant.category, amountPicos });
      lot.leftPicos -= amountPicos;
      duePicos -= amountPicos;
    }
    return { burns, overagePicos: duePicos };
  });
}
