/** What a correction gives back of what its event was charged: which grants get it, and in which hours it was booked. Pure. */
import { assert } from '../domain/errors.js';
import type { Period } from '../domain/period.js';

/** Picodollars that an event moved in one hour of booking: plus was burnt (or is owed), minus was given back of it. */
export type Movement = {
  /** Null is overage. */
  readonly grantId: string | null;
  readonly bookedHour: Date;
  readonly period: Period;
  readonly amountPicos: bigint;
};

/** What is left of each movement after all that was given back of it. A movement that nothing is left of is dropped. */
export function netMovements(movements: readonly Movement[]): Movement[] {
  const sums = new Map<string, Movement>();
  for (const movement of movements) {
    const key = [movement.grantId ?? '', movement.bookedHour.toISOString(), movement.period].join('\n');
    const before = sums.get(key)?.amountPicos ?? 0n;
    sums.set(key, { ...movement, amountPicos: before + movement.amountPicos });
  }
  return [...sums.values()].filter(({ amountPicos }) => amountPicos !== 0n);
}

/**
 * Gives an amount back out of net movements: overage first, then to the grants in reverse burn order, so that what is left was
 * paid by the grants that burn first; of one grant the latest hour first. `burnRank` says which of two grants burns first.
 * Returns positive amounts.
 */
export function giveBack(
  net: readonly Movement[],
  amountPicos: bigint,
  burnRank: (grantId: string) => number,
): Movement[] {
  const rankOf = ({ grantId }: Movement): number => (grantId === null ? Infinity : burnRank(grantId));
  const lastFirst = [...net].sort(
    (a, b) =>
      (rankOf(a) === rankOf(b) ? 0 : rankOf(b) - rankOf(a)) ||
      b.bookedHour.getTime() - a.bookedHour.getTime() ||
      (a.period < b.period ? 1 : -1),
  );
  const returned: Movement[] = [];
  let duePicos = amountPicos;
  for (const movement of lastFirst) {
    if (duePicos === 0n) break;
    const partPicos = movement.amountPicos < duePicos ? movement.amountPicos : duePicos;
    returned.push({ ...movement, amountPicos: partPicos });
    duePicos -= partPicos;
  }
  assert(duePicos === 0n, 'no more is given back than was charged');
  return returned;
}
