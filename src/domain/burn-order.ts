/** Which grant pays first: decided here and nowhere else. */
import { assert } from './errors.js';

export type Grant = {
  readonly id: string;
  readonly category: GrantCategory;
  /** 0 burns first, 100 last. */
  readonly priority: number;
  readonly effectiveAt: Date;
  /** Null never expires. */
  readonly expiresAt: Date | null;
  readonly createdAt: Date;
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

/** How one charge is paid: the parts that grants pay, in burn order, and the overage that no grant pays. */
export type Payment = { readonly burns: readonly Burn[]; readonly overagePicos: bigint };

/** From `effectiveAt` (inclusive) to `expiresAt` (exclusive). */
export function isEffective(grant: Grant, at: Date): boolean {
  return grant.effectiveAt <= at && (grant.expiresAt === null || grant.expiresAt > at);
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
 * Pays the charges, in the given order, from the grants that are effective at that time. For every charge
 * Σ burns + overage = charge, and no grant pays more than it has left.
 */
export function burn(grants: readonly Grant[], chargesPicos: readonly bigint[], at: Date): Payment[] {
  const lots = grants
    .filter((grant) => isEffective(grant, at) && grant.remainingPicos > 0n)
    .sort(compareBurnOrder)
    .map((grant) => ({ grantId: grant.id, category: grant.category, leftPicos: grant.remainingPicos }));
  let next = 0;
  return chargesPicos.map((chargePicos) => {
    assert(chargePicos >= 0n, 'a charge is not negative');
    const burns: Burn[] = [];
    let duePicos = chargePicos;
    for (let lot = lots[next]; lot !== undefined && duePicos > 0n; lot = lots[next]) {
      const amountPicos = duePicos < lot.leftPicos ? duePicos : lot.leftPicos;
      burns.push({ grantId: lot.grantId, category: lot.category, amountPicos });
      lot.leftPicos -= amountPicos;
      duePicos -= amountPicos;
      if (lot.leftPicos === 0n) next += 1;
    }
    return { burns, overagePicos: duePicos };
  });
}
