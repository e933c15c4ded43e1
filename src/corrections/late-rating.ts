/** What usage that waited for a price is charged once there is one. Pure. */
import type { Meter } from '../domain/meters.js';
import {
  circumstancesOf,
  costOf,
  knowsTier,
  priceInForce,
  resolve,
  unpricedMeters,
  type Price,
  type UnitPrices,
} from '../domain/price.js';
import type { UsageEvent } from '../domain/usage.js';
import type { Resolution } from '../metering/rating.js';
import type { CorrectableEvent } from './correctable-events.sql.js';

/**
 * What was charged keeps its unit prices. Each meter that waits takes that of the version in force for the event, or else that of
 * the first version after it that reaches back. Null while nothing more can be charged.
 */
export function resolveWaiting(
  { event, rate, unpricedMeters: waiting }: CorrectableEvent,
  prices: readonly Price[],
): Resolution {
  const ofModel = prices.filter((price) => price.model === event.model);
  const inForce = priceInForce(ofModel, { model: event.model, entity: event.entity, at: event.occurredAt });
  const base = rate ?? (inForce === null ? null : unitPricesOf(inForce, event));
  if (base === null) return null;
  const isOwn = inForce !== null && inForce.entity !== null;
  const more = firstUnitPrices([inForce, ...reachingBackTo(event, ofModel, isOwn)], event, waiting);
  const unitPrices = { ...more, ...base.unitPrices };
  const left = unpricedMeters(event.quantities, unitPrices);
  if (rate !== null && left.length === waiting.length) return null;
  return {
    priceId: base.priceId,
    unitPrices,
    costPicos: costOf(event.quantities, unitPrices),
    unpricedMeters: left,
    isTierUnread: inForce !== null && !knowsTier(inForce, event.serviceTier),
  };
}

function unitPricesOf(price: Price, event: UsageEvent): { priceId: bigint; unitPrices: UnitPrices } {
  return { priceId: price.id, unitPrices: resolve(price, circumstancesOf(event)).unitPrices };
}

/** The entity's own before list prices, each the earliest first. Where its own price is in force, list prices say nothing. */
function reachingBackTo(
  { entity, occurredAt }: UsageEvent,
  prices: readonly Price[],
  isOwn: boolean,
): Price[] {
  return prices
    .filter(
      ({ firstForMetersFrom, effectiveFrom, entity: whose }) =>
        firstForMetersFrom !== null &&
        firstForMetersFrom <= occurredAt &&
        effectiveFrom > occurredAt &&
        (whose === entity || (whose === null && !isOwn)),
    )
    .sort(
      (a, b) =>
        Number(a.entity === null) - Number(b.entity === null) ||
        a.effectiveFrom.getTime() - b.effectiveFrom.getTime(),
    );
}

/** For each of the meters the price of the first version that has one. */
function firstUnitPrices(
  versions: readonly (Price | null)[],
  event: UsageEvent,
  meters: readonly Meter[],
): UnitPrices {
  const found: { [M in Meter]?: bigint } = {};
  for (const version of versions) {
    if (version === null) continue;
    const { unitPrices } = resolve(version, circumstancesOf(event));
    for (const meter of meters) {
      const picos = unitPrices[meter];
      if (found[meter] === undefined && picos !== undefined) found[meter] = picos;
    }
  }
  return found;
}
