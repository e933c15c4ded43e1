/** Usage and costs in OpenAI's shapes. */
import { z } from 'zod';
import {
  bracketed,
  bucketLimit,
  groupFields,
  idFilter,
  pageCursor,
  refineRange,
  reportSeconds,
} from './queries.schema.js';

/** Buckets a page. */
export const USAGE_LIMITS = {
  '1m': { usual: 60, most: 1_440 },
  '1h': { usual: 24, most: 168 },
  '1d': { usual: 7, most: 31 },
} as const;

export const COSTS_LIMITS = { '1d': { usual: 7, most: 180 } } as const;

const filters = {
  project_ids: idFilter,
  user_ids: idFilter,
  api_key_ids: idFilter,
  models: idFilter,
};

const range = {
  start_time: reportSeconds,
  end_time: reportSeconds.optional().describe('Exclusive; left out, the end of the bucket that is open now'),
  limit: bucketLimit,
  page: pageCursor,
};

const width = z.enum(['1m', '1h', '1d'], 'must be 1m, 1h or 1d').default('1d');

const CompletionsFields = z.strictObject({
  ...range,
  bucket_width: width,
  ...filters,
  batch: z
    .enum(['true', 'false'], 'must be true or false')
    .optional()
    .describe('No usage of ours is a batch'),
  group_by: groupFields(['project_id', 'user_id', 'api_key_id', 'model', 'batch', 'service_tier']),
});
export const CompletionsQuery = bracketed(
  CompletionsFields.superRefine((query, context) => refineRange(query, context, USAGE_LIMITS)),
  CompletionsFields,
);
export type CompletionsQuery = z.output<typeof CompletionsQuery>;

const EmbeddingsFields = z.strictObject({
  ...range,
  bucket_width: width,
  ...filters,
  group_by: groupFields(['project_id', 'user_id', 'api_key_id', 'model']),
});
export const EmbeddingsQuery = bracketed(
  EmbeddingsFields.superRefine((query, context) => refineRange(query, context, USAGE_LIMITS)),
  EmbeddingsFields,
);
export type EmbeddingsQuery = z.output<typeof EmbeddingsQuery>;

const CostsFields = z.strictObject({
  ...range,
  bucket_width: z.enum(['1d'], 'must be 1d').default('1d'),
  project_ids: idFilter,
  api_key_ids: idFilter,
  group_by: groupFields(['project_id', 'line_item', 'api_key_id']),
});
export const CostsQuery = bracketed(
  CostsFields.superRefine((query, context) => refineRange(query, context, COSTS_LIMITS)),
  CostsFields,
);
export type CostsQuery = z.output<typeof CostsQuery>;

function pageOf<T extends z.ZodType>(result: T) {
  const bucket = z.object({
    object: z.literal('bucket'),
    start_time: z.int(),
    end_time: z.int(),
    results: z.array(result),
  });
  return z.object({
    object: z.literal('page'),
    data: z.array(bucket),
    has_more: z.boolean(),
    next_page: z.string().nullable(),
  });
}

const groups = {
  project_id: z.string().nullable(),
  user_id: z.string().nullable(),
  api_key_id: z.string().nullable(),
  model: z.string().nullable(),
};

export const CompletionsPage = pageOf(
  z.object({
    object: z.literal('organization.usage.completions.result'),
    input_tokens: z.int().describe('Cached ones included'),
    input_cached_tokens: z.int(),
    output_tokens: z.int(),
    input_audio_tokens: z.literal(0),
    output_audio_tokens: z.literal(0),
    num_model_requests: z.int(),
    ...groups,
    batch: z.boolean().nullable(),
    service_tier: z.string().nullable(),
  }),
).meta({ id: 'CompletionsUsage', description: 'A field that results are not grouped by is null.' });
export type CompletionsPage = z.output<typeof CompletionsPage>;

export const EmbeddingsPage = pageOf(
  z.object({
    object: z.literal('organization.usage.embeddings.result'),
    input_tokens: z.int(),
    num_model_requests: z.int(),
    ...groups,
  }),
).meta({ id: 'EmbeddingsUsage', description: 'A field that results are not grouped by is null.' });
export type EmbeddingsPage = z.output<typeof EmbeddingsPage>;

export const CostsPage = pageOf(
  z.object({
    object: z.literal('organization.costs.result'),
    amount: z.object({
      value: z.number().describe('US dollars, written with all its decimals'),
      currency: z.literal('usd'),
    }),
    line_item: z.string().nullable().describe('"<model>, input", "<model>, cached input", "<model>, output"'),
    project_id: z.string().nullable(),
    api_key_id: z.string().nullable(),
    quantity: z.int().optional().describe('Tokens; only where results are grouped by line item'),
  }),
).meta({ id: 'Costs' });
