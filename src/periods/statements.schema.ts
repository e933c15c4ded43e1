/** Statements in requests and answers. */
import { z } from 'zod';
import { MOVEMENT_KINDS } from './statements.sql.js';
import { category } from '../credits/credits.schema.js';
import { entityName, meterName, period } from '../http/fields.js';

export const StatementPath = z.object({ entity: entityName, period });

export const statementStatus = z.enum(['draft', 'final']).meta({ id: 'StatementStatus' });

const amount = {
  exact_usd: z.string().describe('To the picodollar'),
  amount_usd: z.string().describe('In cents, rounded half to even'),
};

const StatementAmount = z.object(amount).meta({ id: 'StatementAmount' });

const UsageLine = z
  .object({
    kind: z.literal('usage'),
    project: z.string(),
    model: z.string(),
    service_tier: z.string(),
    meter: meterName,
    label: z.string().describe('The meter in words, such as "cached input"'),
    unit: z
      .enum(['token', 'character', 'second', 'one'])
      .meta({ id: 'MeterUnit' })
      .describe('What the quantity counts'),
    correction_of: z
      .string()
      .nullable()
      .describe('The closed month in which it occurred; null if that is this month'),
    quantity: z.int().describe('Negative if corrections took usage back'),
    unit_price_usd_per_million: z
      .string()
      .nullable()
      .describe('For tokens and characters; null while it has no price, and costs nothing until then'),
    unit_price_usd: z.string().nullable().describe('For one of anything else; null while it has no price'),
    rate_id: z.string().nullable().describe('Null while nothing of the usage has a price'),
    ...amount,
    events_url: z.string().describe('The events behind the line'),
  })
  .meta({ id: 'StatementUsageLine' });

const grantLine = {
  grant: z.string(),
  category,
  reference: z.string().nullable(),
  expires_at: z.int().nullable(),
  ...amount,
};
const CreditsAppliedLine = z
  .object({ kind: z.literal('credits_applied'), ...grantLine })
  .meta({ id: 'StatementCreditsAppliedLine' });
const GrantLine = z
  .object({ kind: z.enum(MOVEMENT_KINDS).meta({ id: 'CreditMovement' }), ...grantLine })
  .meta({ id: 'StatementGrantLine' });
const OpeningLine = z
  .object({ kind: z.literal('opening_balance'), ...amount })
  .meta({ id: 'StatementOpeningLine' });
const RoundingLine = z
  .object({ kind: z.literal('rounding'), ...amount })
  .meta({ id: 'StatementRoundingLine' });
const ChargesLine = z
  .discriminatedUnion('kind', [UsageLine, CreditsAppliedLine, RoundingLine])
  .meta({ id: 'StatementChargesLine' });
const CreditsLine = z
  .discriminatedUnion('kind', [OpeningLine, GrantLine, RoundingLine])
  .meta({ id: 'StatementCreditsLine' });

function account<T extends z.ZodType>(line: T) {
  return z.object({
    lines: z.array(line).describe('Their amounts add up to the total'),
    ...amount,
  });
}

export const Statement = z
  .object({
    object: z.literal('statement'),
    entity: z.string(),
    period: z.string(),
    start_time: z.int(),
    end_time: z.int(),
    status: statementStatus,
    number: z.string().nullable().describe('From a series without gaps; null for a draft'),
    closed_at: z.int().nullable(),
    as_of: z.int(),
    currency: z.literal('usd'),
    charges: account(ChargesLine)
      .meta({ id: 'StatementCharges' })
      .describe('The total is the amount due: what no credits paid'),
    credits: account(CreditsLine)
      .meta({ id: 'StatementCredits' })
      .describe('The total is the closing balance'),
    billed: z
      .object({
        charges: StatementAmount,
        purchases: StatementAmount,
        refunds: StatementAmount,
        ...amount,
      })
      .meta({ id: 'StatementBilled' })
      .describe('What is to be paid: the charges, and the credits bought less those refunded'),
    debt: z
      .object({ opening: StatementAmount, incurred: StatementAmount, paid: StatementAmount, ...amount })
      .meta({ id: 'StatementDebt' })
      .describe('Owed for credits that were taken back after usage had burnt them; the next credits pay it'),
    seller: z.object({ name: z.string(), address: z.string().nullable() }).meta({ id: 'Seller' }),
  })
  .meta({ id: 'Statement' });
export type Statement = z.output<typeof Statement>;
