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
        input_tokens: count.describe('Of the meter "input"'),
        cached_input_tokens: count.describe('Of the meter "cached_input"'),
        output_tokens: count.describe('Of the meters "output" and "reasoning"'),
        quantities: z.record(z.string(), z.int()).describe('By meter'),
        cost_usd: z.string(),
        meter_costs_usd: z.record(z.string(), z.string()).describe('By meter; they add up to the cost'),
        unpriced_meters: z.array(z.string()).describe('Those of which some quantity has no price yet'),
      }),
    ),
  })
  .meta({ id: 'EntityUsage' });
export type EntityUsage = z.output<typeof EntityUsage>;
