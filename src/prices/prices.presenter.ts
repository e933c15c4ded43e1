/** Price versions as JSON. */
import type { PriceRow } from './price-book.js';
import type { Imported } from './price-import.js';
import type { PriceTermsBody } from './price-terms.schema.js';
import type { Price, PriceImport } from './prices.schema.js';
import { unixSeconds } from '../domain/unix-time.js';

/** With the prices as they were given. */
export function presentPrice(row: PriceRow): Price {
  return {
    object: 'price',
    id: String(row.id),
    model: row.model,
    entity: row.entity,
    effective_from: row.effectiveFrom.toISOString(),
    ...presentTerms(row.terms),
    max_input_tokens: row.maxInputTokens,
    max_output_tokens: row.maxOutputTokens,
    source: row.source,
    created_at: unixSeconds(row.createdAt),
  };
}

/** The usual meters are there also where they have no price of their own. */
function presentTerms(terms: PriceTermsBody) {
  return {
    ...terms,
    input_usd_per_million: terms.input_usd_per_million ?? null,
    cached_input_usd_per_million: terms.cached_input_usd_per_million ?? null,
    output_usd_per_million: terms.output_usd_per_million ?? null,
  };
}

export function presentPriceImport({ changes, unchanged, skipped }: Imported, dryRun: boolean): PriceImport {
  return {
    object: 'price_import',
    dry_run: dryRun,
    changes: changes.map(({ before, after }) => ({
      model: after.model,
      before: before === null ? null : presentTerms(before.terms),
      after: presentTerms(after.terms),
    })),
    unchanged,
    skipped: [...skipped],
  };
}
