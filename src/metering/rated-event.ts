/** A usage event with its rate, its cost and the grants that paid it. Pure. */
import type { Burn } from '../domain/burn-order.js';
import type { Meter } from '../domain/meters.js';
import type { UsageEvent } from '../domain/usage.js';

export type RatedEvent = {
  readonly identity: string;
  readonly event: UsageEvent;
  /** The period that the event is charged to. */
  readonly period: string;
  readonly rateId: bigint;
  readonly costPicos: bigint;
  readonly burns: readonly Burn[];
};

/** How a new event is rated: what waits for a price, and what the price does not know. */
export type Rating = {
  readonly rateId: bigint;
  readonly costPicos: bigint;
  /** Meters that have a quantity and no price yet. */
  readonly unpricedMeters: readonly Meter[];
  /** The price says nothing about the tier, so the base was charged. */
  readonly isTierUnread: boolean;
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
