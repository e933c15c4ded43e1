/** Usage in OpenAI's shapes, field for field. */
import { INPUT_TOKEN_METERS, OUTPUT_TOKEN_METERS, type Meter, type QuantitySums } from '../domain/meters.js';
import type { FilledPage } from './bucket-pages.js';
import type { BucketedUsage } from './organization-usage.sql.js';
import type { CompletionsPage, EmbeddingsPage } from './organization-usage.schema.js';
import { unixSeconds } from '../domain/unix-time.js';

const CACHE_READS = ['cached_input', 'cached_input_audio', 'cached_input_image'] as const;
const CACHE_WRITES = ['cache_write', 'cache_write_30m', 'cache_write_1h', 'cache_write_12h'] as const;
const UNCACHED = ['input', 'input_audio', 'input_image', 'input_video'] as const;

export function presentCompletions(page: FilledPage<BucketedUsage>): CompletionsPage {
  return presentBuckets(page, (row) => ({
    object: 'organization.usage.completions.result',
    ...presentTokens(row.quantities),
    num_model_requests: Number(row.requests),
    project_id: row.project,
    user_id: row.user,
    api_key_id: row.apiKey,
    model: row.model,
    batch: row.batch,
    service_tier: row.serviceTier,
  }));
}

/** The wholes first, then their parts. What is audio or image says how much of it was not read from a cache. */
function presentTokens(quantities: QuantitySums) {
  const tokens = (...meters: readonly Meter[]): number => sumOf(quantities, meters);
  return {
    input_tokens: tokens(...INPUT_TOKEN_METERS),
    input_cached_tokens: tokens(...CACHE_READS),
    output_tokens: tokens(...OUTPUT_TOKEN_METERS),
    input_audio_tokens: tokens('input_audio'),
    output_audio_tokens: tokens('output_audio'),
    input_uncached_tokens: tokens(...UNCACHED),
    input_cache_write_tokens: tokens(...CACHE_WRITES),
    input_text_tokens: tokens('input'),
    input_image_tokens: tokens('input_image'),
    input_cached_text_tokens: tokens('cached_input'),
    input_cached_audio_tokens: tokens('cached_input_audio'),
    input_cached_image_tokens: tokens('cached_input_image'),
    output_text_tokens: tokens('output', 'reasoning'),
    output_image_tokens: tokens('output_image'),
  };
}

export function sumOf(quantities: QuantitySums, meters: readonly Meter[]): number {
  let sum = 0n;
  for (const meter of meters) sum += quantities[meter] ?? 0n;
  return Number(sum);
}

export function presentEmbeddings(page: FilledPage<BucketedUsage>): EmbeddingsPage {
  return presentBuckets(page, (row) => ({
    object: 'organization.usage.embeddings.result',
    input_tokens: sumOf(row.quantities, INPUT_TOKEN_METERS),
    num_model_requests: Number(row.requests),
    project_id: row.project,
    user_id: row.user,
    api_key_id: row.apiKey,
    model: row.model,
  }));
}

export function presentBuckets<Row, Result>(page: FilledPage<Row>, present: (row: Row) => Result) {
  return {
    object: 'page' as const,
    data: page.buckets.map(({ start, end, rows }) => ({
      object: 'bucket' as const,
      start_time: unixSeconds(start),
      end_time: unixSeconds(end),
      results: rows.map(present),
    })),
    has_more: page.next !== null,
    next_page: page.next,
  };
}
