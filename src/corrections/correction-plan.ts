/** Plans corrections of counted events: what each costs from now on, what it gives back and to whom, what it burns. Pure. */
import { giveBack, netMovements, type Movement } from './give-back.js';
import { burn, compareBurnOrder, type Burn } from '../domain/burn-order.js';
import { correctionPeriodOf, hourOf, type Period } from '../domain/period.js';
import { assert } from '../domain/errors.js';
import type { Rating } from '../metering/rated-event.js';
import type { CorrectableEvent } from './correctable-events.sql.js';
import type { GrantRow } from '../credits/grants.js';

/** Null voids the event. */
type NewRating = Pick<Rating, 'rateId' | 'costPicos' | 'unpricedMeters'> | null;

export type Target = { readonly counted: CorrectableEvent; readonly rating: NewRating };

export type Correction = Target & {
  /** The period that it is booked in. */
  readonly period: Period;
  readonly oldBurns: readonly Burn[];
  readonly newBurns: readonly Burn[];
  /** Plus is burnt, minus is given back. */
  readonly movements: readonly Movement[];
};

/**
 * Credits that come back can pay for the charges that the same plan raises, in the sequence of the targets. `grants` are all
 * grants of the one entity that the targets belong to.
 */
export function planCorrections(
  targets: readonly Target[],
  { grants, bookedAt }: { grants: readonly GrantRow[]; bookedAt: Date },
): Correction[] {
  const ranks = new Map([...grants].sort(compareBurnOrder).map((grant, rank) => [grant.id, rank]));
  const returns = targets.map((target) => returnsOf(target, ranks));
  const charges = targets.map((target) => ({
    amountPicos: chargeOf(target),
    occurredAt: target.counted.event.occurredAt,
  }));
  const payments = burn(refill(grants, returns.flat()), charges, bookedAt);
  return targets.map((target, index) => {
    const period = correctionPeriodOf({ period: target.counted.period, bookedAt });
    const paid: { grantId: string | null; amountPicos: bigint }[] = [...payments[index]!.burns];
    const { overagePicos } = payments[index]!;
    if (overagePicos > 0n) paid.push({ grantId: null, amountPicos: overagePicos });
    const movements = [
      ...returns[index]!.map((movement) => ({ ...movement, amountPicos: -movement.amountPicos })),
      ...paid.map(({ grantId, amountPicos }) => ({
        grantId,
        amountPicos,
        bookedHour: hourOf(bookedAt),
        period,
      })),
    ];
    return {
      ...target,
      period,
      movements,
      oldBurns: burnsOf(target.counted.movements, grants),
      newBurns: burnsOf([...target.counted.movements, ...movements], grants),
    };
  });
}

function returnsOf({ counted, rating }: Target, ranks: ReadonlyMap<string, number>): Movement[] {
  const lessPicos = counted.costPicos - (rating?.costPicos ?? 0n);
  if (lessPicos <= 0n) return [];
  return giveBack(netMovements(counted.movements), lessPicos, (grantId) => {
    const rank = ranks.get(grantId);
    assert(rank !== undefined, `grant ${grantId} is one of the entity's`);
    return rank;
  });
}

function chargeOf({ counted, rating }: Target): bigint {
  const morePicos = (rating?.costPicos ?? 0n) - counted.costPicos;
  return morePicos > 0n ? morePicos : 0n;
}

/** Credits that come back to a voided grant cannot be burnt again, and what a frozen one has left cannot either. */
function refill(grants: readonly GrantRow[], returned: readonly Movement[]): GrantRow[] {
  const back = new Map<string, bigint>();
  for (const { grantId, amountPicos } of returned) {
    if (grantId !== null) back.set(grantId, (back.get(grantId) ?? 0n) + amountPicos);
  }
  return grants.map((grant) => {
    if (grant.frozenAt !== null) return { ...grant, remainingPicos: 0n };
    if (grant.voidedAt !== null) return grant;
    return { ...grant, remainingPicos: grant.remainingPicos + (back.get(grant.id) ?? 0n) };
  });
}

/** What grants have paid in all of these movements, by grant. */
function burnsOf(movements: readonly Movement[], grants: readonly GrantRow[]): Burn[] {
  const sums = new Map<string, bigint>();
  for (const { grantId, amountPicos } of movements) {
    if (grantId !== null) sums.set(grantId, (sums.get(grantId) ?? 0n) + amountPicos);
  }
  return grants.flatMap(({ id, category }) => {
    const amountPicos = sums.get(id) ?? 0n;
    return amountPicos === 0n ? [] : [{ grantId: id, category, amountPicos }];
  });
}
