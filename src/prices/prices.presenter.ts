/** Price versions as JSON. */
import { sumsFromColumns } from '../domain/meter-charges.js';
import type { PriceRow, Published } from './price-book.js';
import type { PriceTermsBody } from './price-terms.schema.js';
import type { Price, PublishedPrice, UnpricedUsage } from './prices.schema.js';
import type { WaitingUsage } from './waiting-usage.sql.js';
import { unixSeconds } from '../domain/unix-time.js';

/** With the prices as they were given. */
export function presentPrice(row: PriceRow): Price {
  return {
    object: 'price',
    id: String(row.id),
    model: row.model,
    entity: row.entity,
    effective_from: row.effectiveFrom.toISOString(),
    first_for_meters_from: row.firstForMetersFrom?.toISOString() ?? null,
    ...presentTerms(row.terms),
    max_input_tokens: row.maxInputTokens,
    max_output_tokens: row.maxOutputTokens,
    source: row.source,
    created_at: unixSeconds(row.createdAt),
  };
}

/** The usual meters are there also where they have no price of their own. */
export function presentTerms(terms: PriceTermsBody) {
  return {
    ...terms,
    input_usd_per_million: terms.input_usd_per_million ?? null,
    cached_input_usd_per_million: terms.cached_input_usd_per_million ?? null,
    output_usd_per_million: terms.output_usd_per_million ?? null,
  };
}

export function presentPublished(row: Published): PublishedPrice {
  return { ...presentPrice(row), charged_events: row.chargedEvents, waiting_events: row.waitingEvents };
}

export function unpricedIdOf({ model, entity }: Pick<WaitingUsage, 'model' | 'entity'>): string {
  return `${entity}/${model}`;
}

export function presentUnpriced(row: WaitingUsage): UnpricedUsage {
  const sums = Object.entries(sumsFromColumns(row));
  return {
    object: 'unpriced_usage',
    id: unpricedIdOf(row),
    model: row.model,
    entity: row.entity,
    events: Number(row.events),
    first_occurred_at: row.since.toISOString(),
    last_occurred_at: row.until.toISOString(),
    quantities: Object.fromEntries(sums.map(([meter, sum]) => [meter, Number(sum)])),
  };
}
