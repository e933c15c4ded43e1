/** Holds, one by one. */
import { z } from 'zod';
import { afterText, entityName, pageLimit } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';

export const HoldsPath = z.object({ entity: entityName });

export const HoldsQuery = z.strictObject({ limit: pageLimit, after: afterText });
export type HoldsQuery = z.output<typeof HoldsQuery>;

export const HeldHold = z
  .object({
    object: z.literal('quota.hold'),
    id: z.string().describe('Of the reservation or the lease'),
    kind: z
      .enum(['request', 'lease'])
      .meta({ id: 'HoldKind' })
      .describe('A request in flight, or a slice that a gateway decides on by itself'),
    project: z.string(),
    model: z.string().nullable().describe('Null for a lease, and for a request that a lease handed over'),
    fallbacks: z.array(z.string()),
    request_id: z.string().nullable(),
    input_tokens: z.int().nullable(),
    max_output_tokens: z.int().nullable(),
    service_tier: z.string().nullable(),
    region: z.string().nullable(),
    period: z.string(),
    hold_usd: z.string(),
    created_at: z.int().nullable().describe('Null where it is not known'),
    age_seconds: z.int().nullable(),
    expires_at: z.int(),
  })
  .meta({ id: 'Hold' });
export type HeldHold = z.output<typeof HeldHold>;
export const HeldHoldList = listOf(HeldHold).meta({ id: 'HoldList' });
