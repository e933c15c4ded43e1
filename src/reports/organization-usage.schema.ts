/** Usage in OpenAI's shapes. */
import { z } from 'zod';
import { queryBoolean } from '../http/fields.js';
import {
  bracketed,
  bucketPage,
  bucketRange,
  bucketWidth,
  groupFields,
  idFilter,
  refineRange,
} from './buckets.schema.js';

/** Buckets a page. */
export const USAGE_LIMITS = {
  '1m': { usual: 60, most: 1_440 },
  '1h': { usual: 24, most: 168 },
  '1d': { usual: 7, most: 31 },
} as const;

const filters = {
  project_ids: idFilter,
  user_ids: idFilter,
  api_key_ids: idFilter,
  models: idFilter,
};

const width = bucketWidth.default('1d');

const CompletionsFields = z.strictObject({
  ...bucketRange(USAGE_LIMITS['1m'].most),
  bucket_width: width,
  ...filters,
  batch: queryBoolean.optional().describe('Only what the tier "batch" served, or all but that'),
  group_by: groupFields('CompletionsGroup', [
    'project_id',
    'user_id',
    'api_key_id',
    'model',
    'batch',
    'service_tier',
  ]),
});
export const CompletionsQuery = bracketed(
  CompletionsFields.superRefine((query, context) => refineRange(query, context, USAGE_LIMITS)),
  CompletionsFields,
);
export type CompletionsQuery = z.output<typeof CompletionsQuery>;

const EmbeddingsFields = z.strictObject({
  ...bucketRange(USAGE_LIMITS['1m'].most),
  bucket_width: width,
  ...filters,
  group_by: groupFields('ModelGroup', ['project_id', 'user_id', 'api_key_id', 'model']),
});
export const EmbeddingsQuery = bracketed(
  EmbeddingsFields.superRefine((query, context) => refineRange(query, context, USAGE_LIMITS)),
  EmbeddingsFields,
);
export type EmbeddingsQuery = z.output<typeof EmbeddingsQuery>;

const groups = {
  project_id: z.string().nullable(),
  user_id: z.string().nullable(),
  api_key_id: z.string().nullable(),
  model: z.string().nullable(),
};

const tokens = z.int();

export const CompletionsPage = bucketPage(
  'CompletionsUsage',
  z.object({
    object: z.literal('organization.usage.completions.result'),
    input_tokens: tokens.describe('Of all kinds, cached and written ones included'),
    input_cached_tokens: tokens.describe('Read from a cache, of all kinds'),
    output_tokens: tokens.describe('Of all kinds, reasoning included'),
    input_audio_tokens: tokens.describe('Without the cached ones'),
    output_audio_tokens: tokens,
    input_uncached_tokens: tokens.describe('Neither read from a cache nor written to one'),
    input_cache_write_tokens: tokens,
    input_text_tokens: tokens.describe('Neither read from a cache nor written to one'),
    input_image_tokens: tokens.describe('Without the cached ones'),
    input_cached_text_tokens: tokens,
    input_cached_audio_tokens: tokens,
    input_cached_image_tokens: tokens,
    output_text_tokens: tokens,
    output_image_tokens: tokens,
    num_model_requests: z.int(),
    ...groups,
    batch: z.boolean().nullable(),
    service_tier: z.string().nullable(),
  }),
  { description: 'A field that results are not grouped by is null.' },
);
export type CompletionsPage = z.output<typeof CompletionsPage>;

export const EmbeddingsPage = bucketPage(
  'EmbeddingsUsage',
  z.object({
    object: z.literal('organization.usage.embeddings.result'),
    input_tokens: z.int(),
    num_model_requests: z.int(),
    ...groups,
  }),
  { description: 'A field that results are not grouped by is null.' },
);
export type EmbeddingsPage = z.output<typeof EmbeddingsPage>;
