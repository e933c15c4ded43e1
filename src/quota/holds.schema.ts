/** Holds, one by one. */
import { z } from 'zod';
import { afterText, entityName, listOrder, pageLimit } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';

export const HoldsPath = z.object({ entity: entityName });

export const HoldsQuery = z.strictObject({
  limit: pageLimit,
  after: afterText,
  order: listOrder('asc', 'By expiry: `asc` is soonest first'),
});
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
  .meta({
    id: 'Hold',
    example: {
      object: 'quota.hold',
      id: 'res_3J9dX0aTq7mVwYbR5cKeLs.entity1',
      kind: 'request',
      project: 'entity1/project1',
      model: 'cw_meta-llama_Llama-3.3-70B-Instruct',
      fallbacks: [],
      request_id: 'req_1',
      input_tokens: 812,
      max_output_tokens: 1024,
      service_tier: null,
      region: null,
      period: '2026-12',
      hold_usd: '0.00130356',
      created_at: 1764547200,
      age_seconds: 0,
      expires_at: 1764590400,
    },
  });
export type HeldHold = z.output<typeof HeldHold>;
export const HeldHoldList = listOf(HeldHold).meta({ id: 'HoldList' });
