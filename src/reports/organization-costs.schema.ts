/** Costs in OpenAI's shape. */
import { z } from 'zod';
import { bracketed, bucketPage, bucketRange, groupFields, idFilter, refineRange } from './buckets.schema.js';

/** Buckets a page. */
export const COSTS_LIMITS = { '1d': { usual: 7, most: 180 } } as const;

const CostsFields = z.strictObject({
  ...bucketRange(COSTS_LIMITS['1d'].most),
  bucket_width: z.enum(['1d'], 'must be 1d').default('1d'),
  project_ids: idFilter,
  api_key_ids: idFilter,
  group_by: groupFields('CostsGroup', ['project_id', 'line_item', 'api_key_id']),
});
export const CostsQuery = bracketed(
  CostsFields.superRefine((query, context) => refineRange(query, context, COSTS_LIMITS)),
  CostsFields,
);
export type CostsQuery = z.output<typeof CostsQuery>;

export const CostsPage = bucketPage(
  'Costs',
  z.object({
    object: z.literal('organization.costs.result'),
    amount: z
      .object({
        value: z.number().describe('US dollars with all decimals'),
        currency: z.literal('usd'),
      })
      .meta({ id: 'CostsAmount' }),
    line_item: z
      .string()
      .nullable()
      .describe('"<model>, <meter>", such as "gpt, input", "gpt, cached input", "gpt, web search"'),
    project_id: z.string().nullable(),
    api_key_id: z.string().nullable(),
    quantity: z
      .int()
      .optional()
      .describe('Tokens, or what else the meter counts; only if results are grouped by line item'),
  }),
);
