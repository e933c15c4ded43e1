/** Rates and pays the events of one batch: prices × tokens, then grants in burn order. Pure. */
import { burn, type Grant } from '../domain/burn-order.js';
import { billingPeriodOf } from '../domain/period.js';
import { priceInForce, rate, UNPRICED, type Price } from '../domain/price.js';
import type { UsageEvent } from '../domain/usage.js';
import type { RatedEvent } from './rated-event.js';

export type Claimed = { readonly identity: string; readonly event: UsageEvent };

export function rateBatch(
  claimed: readonly Claimed[],
  book: { readonly prices: readonly Price[]; readonly grants: readonly (Grant & { entity: string })[] },
  bookedAt: Date,
): RatedEvent[] {
  const pricesByModel = groupBy(book.prices, (price) => price.model);
  const grantsByEntity = groupBy(book.grants, (grant) => grant.entity);
  const byEntity = groupBy(claimed, ({ event }) => event.entity as string);
  return [...byEntity].flatMap(([entity, events]) => {
    const priced = events.map(({ event }) => priceOf(event, pricesByModel.get(event.model) ?? []));
    const payments = burn(
      grantsByEntity.get(entity) ?? [],
      priced.map(({ costPicos }) => costPicos),
      bookedAt,
    );
    return events.map(({ identity, event }, index) => ({
      identity,
      event,
      period: billingPeriodOf({ occurredAt: event.occurredAt, bookedAt }),
      ...priced[index]!,
      burns: payments[index]!.burns,
    }));
  });
}

function priceOf(event: UsageEvent, prices: readonly Price[]): { priceId: bigint; costPicos: bigint } {
  const price = priceInForce(prices, { model: event.model, entity: event.entity, at: event.occurredAt });
  if (price === null) return { priceId: UNPRICED, costPicos: 0n };
  return { priceId: price.id, costPicos: rate(event.tokens, price) };
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
