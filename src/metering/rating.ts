/** Rates and pays the events of one batch: unit prices × quantities, then grants in burn order. Pure. */
import { burn, type Grant } from '../domain/burn-order.js';
import { METERS, type Meter } from '../domain/meters.js';
import { billingPeriodOf } from '../domain/period.js';
import {
  circumstancesOf,
  costOf,
  knowsTier,
  priceInForce,
  resolve,
  unpricedMeters,
  UNPRICED,
  type Price,
  type UnitPrices,
} from '../domain/price.js';
import type { UsageEvent } from '../domain/usage.js';
import type { RatedEvent, Rating } from './rated-event.js';

export type Claimed = { readonly identity: string; readonly event: UsageEvent };

/** What an event is charged, before its rate has an id. Null while its model has no price. */
export type Resolution = {
  readonly priceId: bigint;
  readonly unitPrices: UnitPrices;
  readonly costPicos: bigint;
  readonly unpricedMeters: readonly Meter[];
  readonly isTierUnread: boolean;
} | null;

/** One resolution for each event, in their order. */
export function resolveAll(events: readonly UsageEvent[], prices: readonly Price[]): Resolution[] {
  const pricesByModel = groupBy(prices, (price) => price.model);
  return events.map((event) => resolveEvent(event, pricesByModel.get(event.model) ?? []));
}

function resolveEvent(event: UsageEvent, prices: readonly Price[]): Resolution {
  const price = priceInForce(prices, { model: event.model, entity: event.entity, at: event.occurredAt });
  if (price === null) return null;
  const { unitPrices } = resolve(price, circumstancesOf(event));
  return {
    priceId: price.id,
    unitPrices,
    costPicos: costOf(event.quantities, unitPrices),
    unpricedMeters: unpricedMeters(event.quantities, unitPrices),
    isTierUnread: !knowsTier(price, event.serviceTier),
  };
}

/** `rateId` is that of the resolution's unit prices. */
export function ratingOf(event: UsageEvent, resolution: Resolution, rateId: bigint): Rating {
  if (resolution === null) {
    return {
      rateId: UNPRICED,
      costPicos: 0n,
      unpricedMeters: METERS.filter((meter) => (event.quantities[meter] ?? 0) > 0),
      isTierUnread: false,
    };
  }
  const { costPicos, unpricedMeters: waiting, isTierUnread } = resolution;
  return { rateId, costPicos, unpricedMeters: waiting, isTierUnread };
}

export type NewRatedEvent = RatedEvent & Rating;

/** Pays rated events with the grants of their entities, each entity's in the events' order. */
export function payBatch<R extends Pick<Rating, 'costPicos'>>(
  claimed: readonly Claimed[],
  { ratings, grants }: { ratings: readonly R[]; grants: readonly (Grant & { entity: string })[] },
  bookedAt: Date,
): (Pick<RatedEvent, 'identity' | 'event' | 'period' | 'burns'> & R)[] {
  const grantsByEntity = groupBy(grants, (grant) => grant.entity);
  const rows = claimed.map((row, index) => ({ ...row, rating: ratings[index]! }));
  const byEntity = groupBy(rows, ({ event }) => event.entity as string);
  return [...byEntity].flatMap(([entity, events]) => {
    const payments = burn(
      grantsByEntity.get(entity) ?? [],
      events.map(({ event, rating }) => ({ amountPicos: rating.costPicos, occurredAt: event.occurredAt })),
      bookedAt,
    );
    return events.map(({ identity, event, rating }, index) => ({
      identity,
      event,
      period: billingPeriodOf({ occurredAt: event.occurredAt, bookedAt }),
      ...rating,
      burns: payments[index]!.burns,
    }));
  });
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}
