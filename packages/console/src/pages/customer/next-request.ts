/**
 * What the next request of a customer would get, by the limits that a change would leave. The same sequence as `decide` in
 * src/domain/quota-limits.ts, for a request of unknown cost: it is admitted where any room is left at all. A test holds the two together.
 */
import { readableUsd, roundUsd } from '../../parts/money.js';
import { plural } from '../../parts/times.js';

export type NextLimits = {
  readonly mode: 'off' | 'shadow' | 'enforce';
  /** The lower one of the cap and of the customer's own spend limit; null is neither. */
  readonly monthlyCapPicos: bigint | null;
  readonly yearlyCapPicos: bigint | null;
  readonly overage: 'blocked' | 'allowed';
  readonly maxConcurrentRequests: number | null;
};

export type NextState = {
  readonly monthPicos: bigint;
  readonly yearPicos: bigint;
  readonly creditsPicos: bigint;
  readonly heldPicos: bigint;
  readonly inFlightCount: number;
};

type NextDenial = 'entity_concurrency' | 'entity_monthly_cap' | 'entity_yearly_cap' | 'credits';

/** Quota compares nanodollars: rooms are rounded down, and a request of unknown cost takes the least that can be told. */
const PICOS_PER_NANO = 1_000n;

/** Null: it would be admitted. */
export function denialOfNext(limits: NextLimits, state: NextState): NextDenial | null {
  const { maxConcurrentRequests, monthlyCapPicos, yearlyCapPicos, overage } = limits;
  if (maxConcurrentRequests !== null && state.inFlightCount + 1 > maxConcurrentRequests)
    return 'entity_concurrency';
  if (isUsedUp(monthlyCapPicos, state.monthPicos, state)) return 'entity_monthly_cap';
  if (isUsedUp(yearlyCapPicos, state.yearPicos, state)) return 'entity_yearly_cap';
  return overage === 'blocked' && isUsedUp(state.creditsPicos, 0n, state) ? 'credits' : null;
}

function isUsedUp(limitPicos: bigint | null, spentPicos: bigint, { heldPicos }: NextState): boolean {
  if (limitPicos === null) return false;
  return nanosBelow(limitPicos - spentPicos) - nanosBelow(heldPicos) < 1n;
}

function nanosBelow(picos: bigint): bigint {
  return picos >= 0n ? picos / PICOS_PER_NANO : -((-picos + PICOS_PER_NANO - 1n) / PICOS_PER_NANO);
}

/** `The next request would be refused: the monthly cap of $20 is reached, with $21.00 booked and $0.00 held.` */
export function nextSentence(limits: NextLimits, state: NextState): string {
  if (limits.mode === 'off')
    return 'The next request would be admitted: the mode is off, so no limit decides.';
  const denial = denialOfNext(limits, state);
  if (denial === null) return `The next request would be admitted. ${roomSentence(limits, state)}`;
  const reason = reasonOf(denial, limits, state);
  return limits.mode === 'shadow'
    ? `The next request would be admitted, and noted as refused (the mode is shadow): ${reason}.`
    : `The next request would be refused: ${reason}.`;
}

function reasonOf(denial: NextDenial, limits: NextLimits, state: NextState): string {
  const held = `${readableUsd(state.heldPicos)} held by requests in flight`;
  if (denial === 'entity_concurrency')
    return `${plural(state.inFlightCount, 'request')} in flight, ${limits.maxConcurrentRequests} at most`;
  if (denial === 'credits')
    return `${readableUsd(state.creditsPicos)} of credits are left with ${held}, and overage is blocked`;
  const [name, cap, booked] =
    denial === 'entity_monthly_cap'
      ? ['monthly', limits.monthlyCapPicos, state.monthPicos]
      : ['yearly', limits.yearlyCapPicos, state.yearPicos];
  return `the ${name} cap of ${roundUsd(cap ?? 0n)} is reached, with ${readableUsd(booked)} booked and ${held}`;
}

function roomSentence(
  limits: NextLimits,
  { monthPicos, yearPicos, creditsPicos, heldPicos }: NextState,
): string {
  const rooms = [
    [
      'the monthly cap is reached',
      limits.monthlyCapPicos === null ? null : limits.monthlyCapPicos - monthPicos,
    ],
    ['the yearly cap is reached', limits.yearlyCapPicos === null ? null : limits.yearlyCapPicos - yearPicos],
    ['the credits are used up', limits.overage === 'allowed' ? null : creditsPicos],
  ] as const;
  const least = rooms
    .filter((room): room is readonly [(typeof room)[0], bigint] => room[1] !== null)
    .toSorted(([, a], [, b]) => (a < b ? -1 : 1))[0];
  if (least === undefined) return 'No amount limits it.';
  return `${readableUsd(least[1] - heldPicos)} is left before ${least[0]}.`;
}
