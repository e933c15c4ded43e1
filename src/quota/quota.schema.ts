/** Reservations and decisions over HTTP. */
import { z } from 'zod';
import {
  ANSWERS_MAX,
  HOLD_SECONDS_DEFAULT,
  HOLD_SECONDS_MAX,
  ID_LENGTH_MAX,
  TOKENS_MAX,
  type Reservation as ReservationOnTheWire,
} from '@tally/client/protocol';
import { quotaMode } from '../accounts/entities.schema.js';
import { canonicalTier } from '../domain/service-tier.js';
import { CONTROL, integer, subject, text } from '../http/fields.js';

const ttlSeconds = integer(1, HOLD_SECONDS_MAX).default(HOLD_SECONDS_DEFAULT);
const model = text(256);
/** The same in a header. */
export const MODEL_PATTERN = new RegExp(`^[^${CONTROL}]{1,256}$`);
const serviceTier = text(64).transform(canonicalTier);

/** Models that one request may run on. */
export const MODELS_MAX = 8;
const MODELS = `must be a text of 1 to 256 characters without control characters, or a list of 1 to ${MODELS_MAX} of them`;

export const ReservationPath = z.object({ id: text(256) });

export const ReservationOrder = z
  .strictObject({
    project: subject,
    model: z
      .union([model, z.array(model).min(1).max(MODELS_MAX)], { error: MODELS })
      .describe('A list names the models that the request may fall back on: the dearest is held'),
    input_tokens: integer(0, TOKENS_MAX).nullish().describe("The model's maximum if left out"),
    input_bytes: integer(0, TOKENS_MAX)
      .nullish()
      .describe('Where the tokens are not known: how many bytes the input has, which bounds them'),
    max_output_tokens: integer(0, TOKENS_MAX)
      .nullish()
      .describe("If left out: what the model's recent outputs needed, or near a limit the model's maximum"),
    input_count: integer(1, ANSWERS_MAX)
      .nullish()
      .describe(
        'Without `input_tokens`: how many prompts, texts or documents the request has, each up to the model’s maximum; 1 if left out',
      ),
    output_count: integer(1, ANSWERS_MAX)
      .nullish()
      .describe(
        'Without `max_output_tokens`: how many outputs the request asks for, such as `n`, each up to the model’s maximum; 1 if left out',
      ),
    service_tier: serviceTier
      .nullish()
      .describe('The tier that is asked for; `default` if left out, and `auto` holds the dearest'),
    region: text(64).nullish().describe('Where the request runs; the dearest region is held if left out'),
    request_id: text(ID_LENGTH_MAX)
      .nullish()
      .describe(
        'A repeated request gets the same reservation while it lives; with other content, or afterwards, it is a conflict',
      ),
    ttl_seconds: ttlSeconds.describe('How long the hold lasts unless it is ended or extended'),
  })
  .meta({
    id: 'ReservationOrder',
    example: {
      project: 'entity1/project1',
      model: 'cw_meta-llama_Llama-3.3-70B-Instruct',
      input_tokens: 812,
      max_output_tokens: 1024,
      request_id: 'req_1',
      ttl_seconds: 900,
    },
  });
export type ReservationOrder = z.output<typeof ReservationOrder>;

export const ReleaseOrder = z
  .strictObject({ project: subject, request_id: text(ID_LENGTH_MAX).describe('That of the reservation') })
  .meta({ id: 'ReleaseOrder', example: { project: 'entity1/project1', request_id: 'req_1' } });
export type ReleaseOrder = z.output<typeof ReleaseOrder>;

export const Extension = z
  .strictObject({ ttl_seconds: ttlSeconds })
  .meta({ id: 'Extension', example: { ttl_seconds: 900 } });
export type Extension = z.output<typeof Extension>;

/** A release has no fields: an empty object, or no body at all. */
export const NoBody = z.strictObject({}).nullish();

export const CheckHeaders = z.object({ 'OpenAI-Project': subject, 'X-Model': model.optional() });
export type CheckHeaders = z.output<typeof CheckHeaders>;

const remaining = z
  .object({
    credits_usd: z.string().nullable(),
    project_cap_usd: z.string().nullable(),
    entity_cap_usd: z.string().nullable(),
  })
  .meta({ id: 'Remaining' })
  .describe('What is left after all other holds; null is no such limit');

const mode = quotaMode.optional().describe('Only where limits do not deny: `shadow` or `off`');

const shadowDenial = z
  .object({ limit: z.string(), scope: z.string(), retryable: z.boolean(), decision_id: z.string() })
  .meta({ id: 'ShadowDenial' })
  .optional()
  .describe('In `shadow`: the denial that `enforce` would have given');

const HOLD_EXAMPLE = {
  object: 'quota.reservation' as const,
  id: 'res_3J9dX0aTq7mVwYbR5cKeLs.entity1',
  project: 'entity1/project1',
  model: 'cw_meta-llama_Llama-3.3-70B-Instruct',
  period: '2026-12',
  hold_usd: '0.00130356',
  expires_at: 1764590400,
};

export const Reservation = z
  .object({
    object: z.literal('quota.reservation'),
    id: z.string(),
    project: z.string(),
    model: z.string(),
    fallbacks: z
      .array(z.string())
      .optional()
      .describe('The other models of the list, where one was asked for'),
    service_tier: z.string().optional().describe('Where one was asked for'),
    region: z.string().optional(),
    period: z.string(),
    hold_usd: z.string(),
    expires_at: z.int(),
    hold_basis: z
      .enum(['requested', 'learned', 'maximum', 'none'])
      .meta({ id: 'HoldBasis' })
      .describe(
        'The output that is held: as requested, as learned from the model, or as large as the model allows',
      ),
    remaining,
    mode,
    shadow_denial: shadowDenial,
    degraded: z
      .boolean()
      .optional()
      .describe('True where Redis or Postgres was unavailable when the decision was made'),
  })
  .meta({
    id: 'Reservation',
    example: {
      ...HOLD_EXAMPLE,
      hold_basis: 'requested',
      remaining: { credits_usd: null, project_cap_usd: '100', entity_cap_usd: '6000' },
    },
  }) satisfies z.ZodType<ReservationOnTheWire>;
export type Reservation = z.output<typeof Reservation>;

export const Hold = Reservation.pick({
  object: true,
  id: true,
  project: true,
  model: true,
  fallbacks: true,
  service_tier: true,
  region: true,
  period: true,
  hold_usd: true,
  expires_at: true,
}).meta({
  id: 'ExtendedReservation',
  example: HOLD_EXAMPLE,
});
export type Hold = z.output<typeof Hold>;

export const Released = z
  .object({ object: z.literal('quota.reservation'), id: z.string(), released: z.literal(true) })
  .meta({
    id: 'ReleasedReservation',
    example: { object: 'quota.reservation', id: 'res_3J9dX0aTq7mVwYbR5cKeLs.entity1', released: true },
  });

export const Decision = z
  .object({
    object: z.literal('quota.decision'),
    allowed: z.literal(true),
    project: z.string(),
    period: z.string(),
    remaining,
    mode,
    shadow_denial: shadowDenial,
    degraded: z.boolean().optional(),
  })
  .meta({
    id: 'Decision',
    example: {
      object: 'quota.decision',
      allowed: true,
      project: 'entity1/project1',
      period: '2026-12',
      remaining: { credits_usd: null, project_cap_usd: '499.99927864', entity_cap_usd: '499.99927864' },
    },
  });
export type Decision = z.output<typeof Decision>;

export const DecisionPath = z.object({ id: text(256) });

const usdOrNull = z.string().nullable();

export const DeniedDecision = z
  .object({
    object: z.literal('quota.denial'),
    id: z.string(),
    created_at: z.int(),
    project: z.string(),
    limit: z.string(),
    scope: z.string(),
    retryable: z.boolean().describe('True where only other requests in flight were in the way'),
    resets_at: z.int().nullable(),
    degraded: z.boolean().describe('True where Redis or Postgres was unavailable'),
    mode: quotaMode.describe('`shadow`: the request was admitted anyway'),
    asked: z
      .object({
        kind: z.enum(['reservation', 'check']).meta({ id: 'DecisionKind' }),
        model: z.string().nullable(),
        input_tokens: z.int().nullable(),
        max_output_tokens: z.int().nullable(),
        service_tier: z.string().nullable(),
        region: z.string().nullable(),
        request_id: z.string().nullable(),
        hold_usd: usdOrNull.describe('Null is a request of unknown cost'),
      })
      .meta({ id: 'DecisionAsked' }),
    booked: z
      .object({
        project_month_usd: usdOrNull.describe(
          'Null where the project has no limit, so that no decision reads it',
        ),
        entity_month_usd: z.string(),
        entity_year_usd: z.string(),
      })
      .meta({ id: 'DecisionBooked' }),
    held: z
      .object({
        project_usd: z.string(),
        project_requests: z.int(),
        entity_usd: z.string(),
        entity_requests: z.int(),
        next_to_end: z
          .object({ id: z.string(), created_at: z.int().nullable(), expires_at: z.int() })
          .meta({ id: 'NextHold' })
          .nullable()
          .describe(
            'Where waiting helps: the hold of this scope that ends next unless it is extended, as far as it is known',
          ),
      })
      .meta({ id: 'DecisionHeld' })
      .describe('By other requests in flight'),
    limits: z
      .object({
        project_monthly_cap_usd: usdOrNull,
        entity_monthly_cap_usd: usdOrNull,
        entity_yearly_cap_usd: usdOrNull,
        credits_usd: usdOrNull,
        project_requests: z.int().nullable(),
        entity_requests: z.int().nullable(),
      })
      .meta({ id: 'DecisionLimits' })
      .describe('Null is no such limit'),
    state: z
      .object({ version: z.string(), period: z.string(), as_of: z.int() })
      .meta({ id: 'DecisionState' })
      .describe('The state of the books by which it was decided'),
  })
  .meta({ id: 'DeniedDecision' });
export type DeniedDecision = z.output<typeof DeniedDecision>;
