/** Denied requests in requests and answers. */
import { z } from 'zod';
import { afterText, pageLimit, pageOrder } from '../http/fields.js';
import { quotaLimit } from '../http/errors.schema.js';
import { listOf } from '../http/lists.schema.js';
import { DeniedDecision } from '../quota/quota.schema.js';

export const DenialsQuery = z.strictObject({
  limit: pageLimit,
  after: afterText,
  order: pageOrder,
  denied_by: quotaLimit.optional().describe('Only those of this limit'),
});
export type DenialsQuery = z.output<typeof DenialsQuery>;

export const DenialList = listOf(DeniedDecision)
  .extend({
    hours: z
      .array(z.object({ start_time: z.int(), limit: z.string(), denied: z.int() }).meta({ id: 'DeniedHour' }))
      .describe('Newest first. All denials count, also those that are not kept to be explained'),
  })
  .meta({ id: 'DenialList' });
