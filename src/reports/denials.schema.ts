/** Denied requests in requests and answers. */
import { z } from 'zod';
import { afterText, pageLimit } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';
import { DeniedDecision } from '../quota/quota.schema.js';

const LIMITS = [
  'credits',
  'project_monthly_cap',
  'entity_monthly_cap',
  'entity_yearly_cap',
  'concurrency',
] as const;

export const DenialsQuery = z.strictObject({
  limit: pageLimit,
  after: afterText,
  denied_by: z
    .enum(LIMITS, `must be one of ${LIMITS.join(', ')}`)
    .optional()
    .describe('Only those of this limit'),
});
export type DenialsQuery = z.output<typeof DenialsQuery>;

export const DenialList = listOf(DeniedDecision)
  .extend({
    hours: z
      .array(z.object({ start_time: z.int(), limit: z.string(), denied: z.int() }))
      .describe('Newest first. All denials count, also those that are not kept to be explained'),
  })
  .meta({ id: 'DenialList' });
