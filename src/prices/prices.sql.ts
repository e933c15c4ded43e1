/** The price book's rows: versions that are added and never changed. */
import type { EntityName } from '../domain/ids.js';
import type { Price } from '../domain/price.js';
import type { Tx } from '../platform/database.js';

/** Batches hold it shared while they rate; publishing a price holds it alone, so no event is rated by a book that has just changed. */
const PRICE_BOOK_LOCK = 7_201_001;

export type PriceRow = Price & { readonly source: string; readonly createdAt: Date };

type RawPrice = {
  id: bigint;
  model: string;
  entity: string | null;
  effective_from: Date;
  input: bigint;
  cached_input: bigint | null;
  output: bigint;
  max_input_tokens: number;
  max_output_tokens: number;
  source: string;
  created_at: Date;
};

export async function lockPriceBookShared(tx: Tx): Promise<void> {
  await tx.$queryRaw`select pg_advisory_xact_lock_shared(${PRICE_BOOK_LOCK}::bigint)::text`;
}

export async function lockPriceBook(tx: Tx): Promise<void> {
  await tx.$queryRaw`select pg_advisory_xact_lock(${PRICE_BOOK_LOCK}::bigint)::text`;
}

/** All versions of the models, or of every model, by model and then newest first. */
export async function findPrices(tx: Tx, filter: { models: readonly string[] | null }): Promise<PriceRow[]> {
  const rows = await tx.$queryRaw<RawPrice[]>`
    select
      id, model, entity, effective_from,
      input_picos_per_token as input, cached_input_picos_per_token as cached_input, output_picos_per_token as output,
      max_input_tokens, max_output_tokens, source, created_at
    from prices
    where ${filter.models}::text[] is null or model = any(${filter.models}::text[])
    order by model, effective_from desc, id desc`;
  return rows.map(toPrice);
}

/** Adds a version and returns it, or null where the model has one with that entity and instant already. */
export async function insertPrice(tx: Tx, price: Omit<PriceRow, 'id'>): Promise<PriceRow | null> {
  const rows = await tx.$queryRaw<RawPrice[]>`
    insert into prices (
      model, entity, effective_from, input_picos_per_token, cached_input_picos_per_token, output_picos_per_token,
      max_input_tokens, max_output_tokens, source, created_at
    )
    values (
      ${price.model}::text, ${price.entity}::text, ${price.effectiveFrom}::timestamptz,
      ${String(price.inputPicosPerToken)}::bigint,
      ${price.cachedInputPicosPerToken === null ? null : String(price.cachedInputPicosPerToken)}::bigint,
      ${String(price.outputPicosPerToken)}::bigint,
      ${price.maxInputTokens}::integer, ${price.maxOutputTokens}::integer, ${price.source}::text,
      ${price.createdAt}::timestamptz
    )
    on conflict (model, entity, effective_from) do nothing
    returning
      id, model, entity, effective_from,
      input_picos_per_token as input, cached_input_picos_per_token as cached_input, output_picos_per_token as output,
      max_input_tokens, max_output_tokens, source, created_at`;
  const [row] = rows;
  return row === undefined ? null : toPrice(row);
}

function toPrice(row: RawPrice): PriceRow {
  return {
    id: row.id,
    model: row.model,
    entity: row.entity as EntityName | null,
    effectiveFrom: row.effective_from,
    inputPicosPerToken: row.input,
    cachedInputPicosPerToken: row.cached_input,
    outputPicosPerToken: row.output,
    maxInputTokens: row.max_input_tokens,
    maxOutputTokens: row.max_output_tokens,
    source: row.source,
    createdAt: row.created_at,
  };
}
