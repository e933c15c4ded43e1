/** A usage event with its price, its cost and the grants that paid it. Pure. */
import type { Burn } from '../domain/burn-order.js';
import type { UsageEvent } from '../domain/usage.js';

export type RatedEvent = {
  readonly identity: string;
  readonly event: UsageEvent;
  /** The period that the event is charged to. */
  readonly period: string;
  readonly priceId: bigint;
  readonly costPicos: bigint;
  readonly burns: readonly Burn[];
};

/** What grants paid of an event. */
export function burntPicos(burns: readonly Burn[]): bigint {
  return burns.reduce((sum, burn) => sum + burn.amountPicos, 0n);
}

/** Grant id → picodollars as a string, the form of the `burns` column. */
export function burnsJson(burns: readonly Burn[]): string | null {
  if (burns.length === 0) return null;
  return JSON.stringify(Object.fromEntries(burns.map((burn) => [burn.grantId, String(burn.amountPicos)])));
}
