/** Usage in OpenAI's shapes, field for field. */
import type { FilledPage } from './bucket-pages.js';
import type { BucketedUsage } from './organization-usage.sql.js';
import type { CompletionsPage, EmbeddingsPage } from './organization-usage.schema.js';
import { unixSeconds } from '../domain/unix-time.js';

/** Values of the groups that all our usage has in common, or null where results are not grouped by them. */
export type SharedGroups = { readonly batch: false | null; readonly serviceTier: 'default' | null };

export function presentCompletions(
  page: FilledPage<BucketedUsage>,
  constants: SharedGroups,
): CompletionsPage {
  return presentBuckets(page, (row) => ({
    object: 'organization.usage.completions.result',
    input_tokens: Number(row.inputTokens),
    input_cached_tokens: Number(row.cachedInputTokens),
    output_tokens: Number(row.outputTokens),
    input_audio_tokens: 0,
    output_audio_tokens: 0,
    num_model_requests: Number(row.requests),
    project_id: row.project,
    user_id: row.user,
    api_key_id: row.apiKey,
    model: row.model,
    batch: constants.batch,
    service_tier: constants.serviceTier,
  }));
}

export function presentEmbeddings(page: FilledPage<BucketedUsage>): EmbeddingsPage {
  return presentBuckets(page, (row) => ({
    object: 'organization.usage.embeddings.result',
    input_tokens: Number(row.inputTokens),
    num_model_requests: Number(row.requests),
    project_id: row.project,
    user_id: row.user,
    api_key_id: row.apiKey,
    model: row.model,
  }));
}

function presentBuckets<Row, Result>(page: FilledPage<Row>, present: (row: Row) => Result) {
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
