/** Plans in requests and answers. */
import { z } from 'zod';
import { afterText, nameOrder, pageLimit, planName, usd } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';
import { limitChanges, limitFields } from './limits.schema.js';

export const PlanPath = z.object({ plan: planName });

export const PlanPage = z.strictObject({ limit: pageLimit, after: afterText, order: nameOrder });
export type PlanPage = z.output<typeof PlanPage>;

export const PlanPut = z
  .strictObject({
    ...limitChanges,
    monthly_credit_usd: usd.optional().describe('Promotional credits granted for each month'),
  })
  .meta({
    id: 'PlanPut',
    description:
      'Omitted fields stay unchanged; in a new plan it is no cap, overage blocked and no monthly credit.',
    example: { monthly_cap_usd: '6000', overage: 'allowed', monthly_credit_usd: '5' },
  });
export type PlanPut = z.output<typeof PlanPut>;

export const Plan = z
  .object({
    object: z.literal('plan'),
    plan: z.string(),
    ...limitFields,
    monthly_credit_usd: z.string(),
  })
  .meta({
    id: 'Plan',
    example: {
      object: 'plan',
      plan: 'pro',
      monthly_cap_usd: '6000',
      yearly_cap_usd: null,
      overage: 'allowed',
      max_concurrent_requests: null,
      monthly_credit_usd: '5',
    },
  });
export type Plan = z.output<typeof Plan>;

export const PlanList = listOf(Plan).meta({ id: 'PlanList' });
