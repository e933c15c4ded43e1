/** Limits in requests and answers. */
import { z } from 'zod';
import { expectationOf } from '../http/expectations.js';
import { AMOUNT } from '../http/amount-patterns.js';
import { integer, usd } from '../http/fields.js';
import type { LimitsChange, OwnLimitsChange } from './limits.js';

const CONCURRENT_MAX = 1_000_000;

export const overage = z
  .enum(['blocked', 'allowed'], 'must be blocked or allowed')
  .meta({ id: 'Overage', description: 'Whether usage goes on when the credits are gone' });

const concurrent = integer(0, CONCURRENT_MAX);

/** In an answer: null is no limit. */
export const limitFields = {
  monthly_cap_usd: z.string().nullable().describe('Null: no limit'),
  yearly_cap_usd: z.string().nullable().describe('Null: no limit'),
  overage,
  max_concurrent_requests: z.int().nullable().describe('Null: no limit'),
};

/** In a request: what is left out stays, null lifts the limit. */
export const limitChanges = {
  monthly_cap_usd: usd.nullable().optional(),
  yearly_cap_usd: usd.nullable().optional(),
  overage: overage.optional(),
  max_concurrent_requests: concurrent.nullable().optional(),
};

const INHERIT = '"inherit" removes the limit of its own, so that the plan\'s counts again';
const inherit = z.literal('inherit').describe(INHERIT);

/** The same of what has a plan's limits below its own. */
export const ownLimitChanges = {
  monthly_cap_usd: usdOrInherit(),
  yearly_cap_usd: usdOrInherit(),
  overage: z
    .enum(['blocked', 'allowed', 'inherit'], 'must be blocked, allowed or inherit')
    .meta({ id: 'OverageChange' })
    .optional()
    .describe(INHERIT),
  max_concurrent_requests: z
    .union([inherit, concurrent], {
      error: `must be an integer from 0 to ${CONCURRENT_MAX}, null, or "inherit"`,
    })
    .meta({ id: 'ConcurrencyChange' })
    .nullable()
    .optional(),
};

/** Refuses with the message of the amount, whatever else would have been taken. */
function usdOrInherit() {
  return z
    .string({ error: 'must be a decimal string of US dollars such as "12.5", null, or "inherit"' })
    .transform((text, context) => {
      if (text === 'inherit') return 'inherit' as const;
      const amount = usd.safeParse(text, { error: expectationOf });
      if (amount.success) return amount.data;
      for (const { message } of amount.error.issues) context.addIssue({ code: 'custom', message });
      return z.NEVER;
    })
    .meta({
      description: `US dollars, at most 12 decimals; ${INHERIT}`,
      pattern: `^(?:inherit|${AMOUNT})$`,
      example: '12.5',
    })
    .nullable()
    .optional();
}

type LimitChanges = z.output<z.ZodObject<typeof limitChanges>>;
type OwnLimitChanges = z.output<z.ZodObject<typeof ownLimitChanges>>;

export function limitsChangeOf(body: LimitChanges): LimitsChange;
export function limitsChangeOf(body: OwnLimitChanges): OwnLimitsChange;
export function limitsChangeOf(body: OwnLimitChanges): OwnLimitsChange {
  return {
    monthlyCapPicos: body.monthly_cap_usd,
    yearlyCapPicos: body.yearly_cap_usd,
    overage: body.overage,
    maxConcurrentRequests: body.max_concurrent_requests,
  };
}

const source = z
  .enum(['plan', 'own'])
  .meta({ id: 'LimitSource', description: "Whether the limit is the plan's or the entity's own" });
const isLimited = z.boolean().describe('False: there is no limit');

const cap = z.string().nullable().meta({ description: 'US dollars; null: no limit' });
const capLimit = z.object({ value: cap, source, is_limited: isLimited }).meta({ id: 'CapLimit' });

export const LimitSources = z
  .object({
    monthly_cap_usd: capLimit,
    yearly_cap_usd: capLimit,
    overage: z.object({ value: overage, source, is_limited: isLimited }).meta({ id: 'OverageLimit' }),
    max_concurrent_requests: z
      .object({ value: z.int().nullable(), source, is_limited: isLimited })
      .meta({ id: 'ConcurrencyLimit' }),
  })
  .meta({ id: 'Limits', description: "Each limit, and whether it is the entity's own or its plan's" });
export type LimitSources = z.output<typeof LimitSources>;

const ownSource = z
  .literal('own')
  .nullable()
  .describe('Null where the project has no limit of its own: plans do not limit projects');

export const ProjectLimitSources = z
  .object({
    monthly_cap_usd: z
      .object({ value: cap, source: ownSource, is_limited: isLimited })
      .meta({ id: 'ProjectCapLimit' }),
    max_concurrent_requests: z
      .object({ value: z.int().nullable(), source: ownSource, is_limited: isLimited })
      .meta({ id: 'ProjectConcurrencyLimit' }),
  })
  .meta({ id: 'ProjectLimits' });
export type ProjectLimitSources = z.output<typeof ProjectLimitSources>;

export const spendLimitField = z
  .string()
  .nullable()
  .describe("The customer's own monthly limit, beside the cap: the lower one counts. Null: none");
