/** The error body that every route may answer with: OpenAI's. */
import { z } from 'zod';
import { ERROR_TYPES } from '@tally/client/protocol';

export const ErrorBody = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.enum(Object.keys(ERROR_TYPES)),
      details: z
        .object({
          limit: z.enum([
            'credits',
            'project_monthly_cap',
            'entity_monthly_cap',
            'entity_yearly_cap',
            'concurrency',
          ]),
          scope: z.string(),
          spent_usd: z.string().nullable(),
          limit_usd: z.string().nullable(),
          held_usd: z.string().nullable(),
          resets_at: z.int().nullable(),
          decision_id: z.string().describe('Explained by GET /v1/quota/decisions/{id} for a day'),
        })
        .loose()
        .optional()
        .describe('Of a quota denial: which limit, how far, and until when'),
    }),
  })
  .meta({ id: 'Error' });
