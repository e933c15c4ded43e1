/** An entity's usage in requests and answers. */
import { z } from 'zod';
import { querySeconds } from '../http/fields.js';

export const UsageQuery = z
  .strictObject({ start_time: querySeconds.optional(), end_time: querySeconds.optional() })
  .refine((query) => !query.start_time || !query.end_time || query.start_time < query.end_time, {
    path: ['end_time'],
    error: 'must lie after start_time',
  });
export type UsageQuery = z.output<typeof UsageQuery>;

const count = z.int();

export const EntityUsage = z
  .object({
    object: z.literal('entity_usage'),
    entity: z.string(),
    start_time: z.int(),
    end_time: z.int(),
    data: z.array(
      z.object({
        project: z.string(),
        model: z.string(),
        requests: count,
        input_tokens: count.describe('Without the cached ones'),
        cached_input_tokens: count,
        output_tokens: count,
        cost_usd: z.string(),
      }),
    ),
  })
  .meta({ id: 'EntityUsage' });
export type EntityUsage = z.output<typeof EntityUsage>;
