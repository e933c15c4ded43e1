/** Price versions as JSON. */
import { formatUsdPerMillion } from '../domain/money.js';
import type { PriceRow } from './price-book.js';
import type { Imported, MappedPrice } from './price-import.js';
import type { Price, PriceImport } from './prices.schema.js';
import { unixSeconds } from '../domain/unix-time.js';

export function presentPrice(row: PriceRow): Price {
  const cached = row.cachedInputPicosPerToken;
  return {
    object: 'price',
    id: String(row.id),
    model: row.model,
    entity: row.entity,
    effective_from: row.effectiveFrom.toISOString(),
    input_usd_per_million: formatUsdPerMillion(row.inputPicosPerToken),
    cached_input_usd_per_million: cached === null ? null : formatUsdPerMillion(cached),
    output_usd_per_million: formatUsdPerMillion(row.outputPicosPerToken),
    max_input_tokens: row.maxInputTokens,
    max_output_tokens: row.maxOutputTokens,
    source: row.source,
    created_at: unixSeconds(row.createdAt),
  };
}

export function presentPriceImport({ changes, unchanged, skipped }: Imported, dryRun: boolean): PriceImport {
  return {
    object: 'price_import',
    dry_run: dryRun,
    changes: changes.map(({ before, after }) => ({
      model: after.model,
      before: before === null ? null : presentMapped(before),
      after: presentMapped(after),
    })),
    unchanged,
    skipped: [...skipped],
  };
}

type MappedAmounts = Pick<
  MappedPrice,
  'inputPicosPerToken' | 'cachedInputPicosPerToken' | 'outputPicosPerToken'
>;

function presentMapped(price: MappedAmounts): NonNullable<PriceImport['changes'][number]['before']> {
  const cached = price.cachedInputPicosPerToken;
  return {
    input_usd_per_million: formatUsdPerMillion(price.inputPicosPerToken),
    cached_input_usd_per_million: cached === null ? null : formatUsdPerMillion(cached),
    output_usd_per_million: formatUsdPerMillion(price.outputPicosPerToken),
  };
}
