/** Leases: a gateway decides itself on a slice of what is left. */
import { z } from 'zod';
import {
  HOLD_SECONDS_DEFAULT,
  HOLD_SECONDS_MAX,
  LEASE_ID,
  LEASE_FINISHED_MAX,
  LEASE_MODELS_MAX,
  LEASE_SECONDS_DEFAULT,
  LEASE_SECONDS_MAX,
  RESERVATION_ID,
  type LeaseAnswer,
} from '@tally/client/protocol';
import { entityOfLease, entityOfReservation } from '../domain/ids.js';
import { integer, subject, text, usd } from '../http/fields.js';

const LEASE = 'must be "lease_", 22 of A-Z a-z 0-9 _ -, a dot and the entity';
const leaseId = z.string({ error: LEASE }).regex(LEASE_ID, LEASE);

const EXAMPLE_ID = 'lease_3J9dX0aTq7mVwYbR5cKeLs.entity1';

const finished = z
  .strictObject({
    id: z.string().regex(RESERVATION_ID, 'must be a reservation id'),
    hold_usd: usd,
  })
  .meta({ id: 'FinishedRequest' });

const Ending = z.strictObject({
  project: subject,
  request_seconds: integer(1, HOLD_SECONDS_MAX)
    .default(HOLD_SECONDS_DEFAULT)
    .describe('How long one of its requests may run'),
  finished: z
    .array(finished)
    .max(LEASE_FINISHED_MAX, `must have at most ${LEASE_FINISHED_MAX} entries`)
    .default([])
    .describe('Requests whose events are on their way: each becomes a hold of its own'),
});

/** Without this check, another entity's finished requests would be held against this one. */
function namesOneEntity(body: z.output<typeof Ending>): boolean {
  return body.finished.every(({ id }) => entityOfReservation(id) === body.project.entity);
}
const OF_ANOTHER = { message: 'must name the same entity as `project`', path: ['finished'] };

export const LeaseOrder = Ending.extend({
  lease_id: leaseId.describe('Made by the gateway: lease_, 22 random characters, a dot, the entity'),
  sequence: integer(1, Number.MAX_SAFE_INTEGER).describe('Rises with every statement about the lease'),
  outstanding_usd: usd.describe('What requests in flight hold, without those in finished'),
  free_usd: usd.describe('What is left of the slice'),
  wanted_usd: usd.describe('What to have free from now on; "0" gives everything back'),
  largest_hold_usd: usd
    .default(0n)
    .describe('The largest recent hold: no slice is smaller than a few of them'),
  ttl_seconds: integer(1, LEASE_SECONDS_MAX)
    .default(LEASE_SECONDS_DEFAULT)
    .describe('How long the gateway wants to admit by the answer'),
  models: z
    .array(text(256))
    .max(LEASE_MODELS_MAX, `must have at most ${LEASE_MODELS_MAX} entries`)
    .default([])
    .describe('Models whose prices the answer lists'),
})
  .refine((body) => entityOfLease(body.lease_id) === body.project.entity, {
    message: 'must name the same entity as `project`',
    path: ['lease_id'],
  })
  .refine(namesOneEntity, OF_ANOTHER)
  .meta({
    id: 'LeaseOrder',
    example: {
      lease_id: EXAMPLE_ID,
      sequence: 1,
      project: 'entity1/project1',
      outstanding_usd: '0',
      free_usd: '0',
      wanted_usd: '1',
      models: ['cw_meta-llama_Llama-3.3-70B-Instruct'],
    },
  });
export type LeaseOrder = z.output<typeof LeaseOrder>;

export const LeasePath = z.object({ id: leaseId });

export const LeaseEnd = Ending.refine(namesOneEntity, OF_ANOTHER).meta({
  id: 'LeaseEnd',
  example: { project: 'entity1/project1' },
});
export type LeaseEnd = z.output<typeof LeaseEnd>;

export const Lease = z
  .object({
    object: z.literal('quota.lease'),
    id: z.string(),
    project: z.string(),
    sequence: z.int(),
    granted_usd: z.string().describe('Add this to what is free'),
    give_back_usd: z.string().describe('Take this from what is free, as far as it is still there'),
    lifetime_ms: z
      .int()
      .describe('How long to admit by this answer, counted from before the statement was sent'),
    reason: z
      .enum(['near_limit', 'concurrency_limited', 'not_enforced', 'shared'])
      .meta({ id: 'LeaseReason' })
      .nullable()
      .describe('Why the grant is less than was wanted'),
    prices: z
      .array(
        z
          .object({
            model: z.string(),
            input_usd_per_million: z.string(),
            output_usd_per_million: z.string(),
            request_usd: z.string().describe('For the request as such'),
            input_tokens_default: z.int(),
            output_tokens_default: z.int(),
          })
          .meta({ id: 'LeasePrice' }),
      )
      .describe(
        'What requests of the default tier hold for as long as the lease lasts; reserve centrally for other tiers and for a model that is missing',
      ),
    degraded: z.boolean().optional(),
  })
  .meta({
    id: 'Lease',
    example: {
      object: 'quota.lease',
      id: 'lease_3J9dX0aTq7mVwYbR5cKeLs.entity1',
      project: 'entity1/project1',
      sequence: 1,
      granted_usd: '1',
      give_back_usd: '0',
      lifetime_ms: 10000,
      reason: null,
      prices: [
        {
          model: 'cw_meta-llama_Llama-3.3-70B-Instruct',
          input_usd_per_million: '0.71',
          output_usd_per_million: '0.71',
          request_usd: '0',
          input_tokens_default: 131072,
          output_tokens_default: 8192,
        },
      ],
    },
  }) satisfies z.ZodType<LeaseAnswer>;
export type Lease = z.output<typeof Lease>;

export const LeaseEnded = z
  .object({ object: z.literal('quota.lease'), id: z.string(), released: z.literal(true) })
  .meta({ id: 'LeaseEnded' });
