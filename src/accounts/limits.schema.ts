/** Limits in requests and answers. */
import { z } from 'zod';
import { integer, usd } from '../http/fields.js';
import type { LimitsChange } from './limits.js';

const CONCURRENT_MAX = 1_000_000;

const overage = z
  .enum(['blocked', 'allowed'], 'must be blocked or allowed')
  .describe('Whether usage goes on when the credits are gone');

/** In an answer: null is no limit. */
export const limitFields = {
  monthly_cap_usd: z.string().nullable(),
  yearly_cap_usd: z.string().nullable(),
  overage,
  max_concurrent_requests: z.int().nullable(),
};

/** In a request: what is left out stays, null lifts the limit. */
export const limitChanges = {
  monthly_cap_usd: usd.nullable().optional(),
  yearly_cap_usd: usd.nullable().optional(),
  overage: overage.optional(),
  max_concurrent_requests: integer(0, CONCURRENT_MAX).nullable().optional(),
};

type LimitChanges = z.output<z.ZodObject<typeof limitChanges>>;

export function limitsChangeOf(body: LimitChanges): LimitsChange {
  return {
    monthlyCapPicos: body.monthly_cap_usd,
    yearlyCapPicos: body.yearly_cap_usd,
    overage: body.overage,
    maxConcurrentRequests: body.max_concurrent_requests,
  };
}
