/** The error body that every route may answer with: OpenAI's. */
import { z } from 'zod';
import { ERROR_TYPES, type ErrorCode } from '@tally/client/protocol';

const QUOTA_LIMITS = [
  'credits',
  'project_monthly_cap',
  'entity_monthly_cap',
  'entity_yearly_cap',
  'concurrency',
] as const;

/** What a denial names as its limit. */
export const quotaLimit = z
  .enum(QUOTA_LIMITS, `must be one of ${QUOTA_LIMITS.join(', ')}`)
  .meta({ id: 'QuotaLimit' });

const details = z
  .object({
    limit: quotaLimit,
    scope: z.string(),
    spent_usd: z.string().nullable(),
    limit_usd: z.string().nullable(),
    held_usd: z.string().nullable(),
    set_by: z
      .enum(['owner', 'admin'])
      .meta({ id: 'CapSetter' })
      .optional()
      .describe("Of a cap that is not the plan's"),
    requests_in_flight: z.int().optional().describe('Of the limit `concurrency`'),
    requests_max: z.int().optional(),
    resets_at: z.int().nullable(),
    held_since: z
      .int()
      .optional()
      .describe(
        'Where only requests in flight are in the way: when the one whose hold ends next was admitted',
      ),
    held_until: z.int().optional().describe('When that hold ends unless it is extended'),
    decision_id: z.string().describe('Explained by GET /v1/quota/decisions/{id} for a day'),
  })
  .loose()
  .meta({ id: 'DenialDetails' });

const codes = Object.keys(ERROR_TYPES) as [ErrorCode, ...ErrorCode[]];

export const ErrorBody = z
  .object({
    error: z
      .object({
        message: z.string(),
        type: z.string(),
        param: z.string().nullable().describe('The field or header at fault'),
        code: z.enum(codes).meta({ id: 'ErrorCode' }),
        details: details.optional().describe('Of a quota denial: which limit, how far, and until when'),
        existing: z.string().optional().describe('Of a conflict: the id of what is there already'),
      })
      .meta({ id: 'ErrorDescription' }),
  })
  // A generated class called Error with a field `error` has two things of one name in Python.
  .meta({ id: 'ErrorAnswer' });
