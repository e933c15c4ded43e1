/** Counted events as JSON. */
import { formatUsd } from '@tally/client/protocol';
import type { Meter, Quantities } from '../domain/meters.js';
import { formatUsdPerMillionOrNull } from '../domain/money.js';
import { periodOf } from '../domain/period.js';
import { UNPRICED } from '../domain/price.js';
import { unixSeconds } from '../domain/unix-time.js';
import { formatUnitPrice } from '../prices/price-terms.js';
import { priceFieldOf } from '../prices/price-terms.schema.js';
import type { CountedEvent } from './counted-events.schema.js';
import type { CountedEvent as EventRow, EventCorrection } from './counted-events.sql.js';

/** The event's position in the order of pages. */
export function placeOf(row: EventRow): string {
  return `${row.occurredAt.getTime()}_${row.identity}`;
}

export function presentEvent(row: EventRow): CountedEvent {
  const price = row.priceId === null ? null : String(row.priceId);
  return {
    object: 'usage_event',
    id: placeOf(row),
    source: row.source,
    event_id: row.eventId,
    project: row.project,
    model: row.model,
    operation: row.operation,
    occurred_at: row.occurredAt.toISOString(),
    booked_at: unixSeconds(row.bookedAt),
    period: row.period,
    late: row.period !== periodOf(row.occurredAt),
    unpriced: row.rateId === UNPRICED,
    unpriced_meters: [...(row.unpricedMeters ?? [])],
    ...presentQuantities(row),
    service_tier: row.serviceTier,
    region: row.details?.region ?? null,
    attributes: row.details?.attributes ?? null,
    unread: [...(row.details?.unread ?? [])],
    usage: row.details?.usage ?? null,
    mended: [...(row.details?.mended ?? [])],
    price,
    price_id: price,
    rate_id: row.rateId === UNPRICED ? null : String(row.rateId),
    ...presentUnitPrices(row),
    cost_usd: formatUsd(row.costPicos),
    burns: Object.entries(row.burns ?? {}).map(([grant, picos]) => ({
      grant,
      amount_usd: formatUsd(BigInt(picos)),
    })),
    overage_usd: formatUsd(row.costPicos - row.burntPicos),
    corrections: (row.corrections ?? []).map(presentCorrection),
    usage_source: row.usageSource,
    api_key_id: row.apiKeyId,
    user_id: row.userId,
    request_id: row.requestId,
    reservation_id: row.reservationId,
    tags: row.tags,
  };
}

function presentQuantities(row: EventRow) {
  const { input = 0, cached_input = 0, output = 0, reasoning = 0 } = row.quantities;
  return {
    quantities: chargedQuantities(row),
    input_tokens: input,
    cached_input_tokens: cached_input,
    output_tokens: output + reasoning,
    reasoning_tokens: reasoning,
  };
}

/** With the request itself, where the rate charges it. */
function chargedQuantities({ quantities, unitPrices }: EventRow): Quantities {
  return unitPrices?.request === undefined ? quantities : { ...quantities, request: 1 };
}

function presentUnitPrices(row: EventRow) {
  const { unitPrices } = row;
  const used = Object.keys(chargedQuantities(row)) as Meter[];
  const priced = used.flatMap((meter) => {
    const picos = unitPrices?.[meter];
    return picos === undefined ? [] : [[priceFieldOf(meter), formatUnitPrice(meter, picos)]];
  });
  return {
    unit_prices: Object.fromEntries(priced) as Record<string, string>,
    input_usd_per_million: formatUsdPerMillionOrNull(unitPrices?.input ?? null),
    cached_input_usd_per_million: formatUsdPerMillionOrNull(unitPrices?.cached_input ?? null),
    output_usd_per_million: formatUsdPerMillionOrNull(unitPrices?.output ?? null),
  };
}

function presentCorrection(correction: EventCorrection): CountedEvent['corrections'][number] {
  return {
    kind: correction.kind,
    period: correction.period,
    change_usd: formatUsd(BigInt(correction.newPicos) - BigInt(correction.oldPicos)),
    price: correction.newPriceId,
    rate_id: correction.newRateId,
    reason: correction.reason,
    booked_at: unixSeconds(new Date(correction.bookedAt)),
  };
}
