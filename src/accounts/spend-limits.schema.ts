/** Spend limits in the form of OpenAI's API: whole cents a month. */
import { z } from 'zod';
import { integer, projectName, usd } from '../http/fields.js';

export const SpendPath = z.object({ project: projectName });

/** One trillion dollars: the largest amount that a request may name. */
export const CENTS_MAX = 100_000_000_000_000;

export const currency = z.literal('USD', 'must be USD');
export const interval = z.literal('month', 'must be month');

export const SpendLimitOrder = z
  .strictObject({
    threshold_amount: integer(0, CENTS_MAX).describe(
      'Cents. The whole cents of the limit in force keep it as it is; 0 only so',
    ),
    threshold_usd: usd.optional().describe('The same exactly, for a limit with a fraction of a cent'),
    currency: currency.default('USD'),
    interval: interval.default('month'),
  })
  .meta({ id: 'SpendLimitOrder', example: { threshold_amount: 50_000, currency: 'USD', interval: 'month' } });
export type SpendLimitOrder = z.output<typeof SpendLimitOrder>;

export const SpendLimit = z
  .object({
    object: z.enum(['organization.spend_limit', 'project.spend_limit']),
    threshold_amount: z.int().describe('Cents; a fraction of a cent is only in threshold_usd'),
    threshold_usd: z.string().describe('The same exactly'),
    currency,
    interval,
    source: z
      .enum(['plan', 'own', 'owner'])
      .meta({ id: 'SpendLimitSource' })
      .describe("The plan's cap, the cap that an admin has set instead, or the customer's own spend limit"),
    enforcement: z
      .object({
        status: z
          .enum(['inactive', 'enforcing'])
          .describe('enforcing: the month has reached the limit, and requests are denied'),
      })
      .meta({ id: 'SpendLimitEnforcement' }),
  })
  .meta({
    id: 'SpendLimit',
    example: {
      object: 'organization.spend_limit',
      threshold_amount: 100000,
      threshold_usd: '1000',
      currency: 'USD',
      interval: 'month',
      source: 'own',
      enforcement: { status: 'inactive' },
    },
  });
export type SpendLimit = z.output<typeof SpendLimit>;

export const DeletedSpendLimit = z
  .object({
    object: z.enum(['organization.spend_limit.deleted', 'project.spend_limit.deleted']),
    deleted: z.literal(true),
  })
  .meta({ id: 'DeletedSpendLimit' });
export type DeletedSpendLimit = z.output<typeof DeletedSpendLimit>;
