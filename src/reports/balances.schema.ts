/** Balances and forecasts in answers. */
import { z } from 'zod';

export const Balance = z
  .object({
    object: z.literal('balance'),
    entity: z.string(),
    as_of: z.int(),
    period: z.string(),
    credits_usd: z.string().describe('What can be spent now'),
    frozen_usd: z.string().describe('What frozen grants have left; it is not in credits_usd'),
    debt_usd: z
      .string()
      .describe('Credits taken back after usage had burnt them; the next credits pay it first'),
    held_usd: z.string().describe('What requests in flight may still cost'),
    month_to_date_usd: z.string(),
    year_to_date_usd: z.string(),
    overage_usd: z.string().describe('The part of the month that no credits paid'),
    monthly_cap_usd: z
      .string()
      .nullable()
      .describe('In force: the lower one of the cap and of spend_limit_usd'),
    spend_limit_usd: z.string().nullable().describe('What the customer has set for itself'),
    yearly_cap_usd: z.string().nullable(),
    projects: z.array(
      z
        .object({
          project: z.string(),
          month_to_date_usd: z.string(),
          monthly_cap_usd: z.string().nullable(),
          spend_limit_usd: z.string().nullable(),
        })
        .meta({ id: 'ProjectBalance' }),
    ),
    forecast_usd: z
      .string()
      .nullable()
      .describe('The month to its end; null with less than three days of data'),
  })
  .meta({
    id: 'Balance',
    example: {
      object: 'balance',
      entity: 'entity1',
      as_of: 1764547200,
      period: '2026-12',
      credits_usd: '4.99927864',
      frozen_usd: '500',
      debt_usd: '0',
      held_usd: '0',
      month_to_date_usd: '0.00072136',
      year_to_date_usd: '0.00072136',
      overage_usd: '0',
      monthly_cap_usd: '1000',
      spend_limit_usd: null,
      yearly_cap_usd: null,
      projects: [
        {
          project: 'project1',
          month_to_date_usd: '0.00072136',
          monthly_cap_usd: '100',
          spend_limit_usd: null,
        },
      ],
      forecast_usd: null,
    },
  });
export type Balance = z.output<typeof Balance>;

export const Forecast = z
  .object({
    object: z.literal('forecast'),
    entity: z.string(),
    as_of: z.int(),
    period: z.string(),
    month_to_date_usd: z.string(),
    forecast_usd: z
      .string()
      .nullable()
      .describe('The month to date, and for each day left the mean of the same weekdays in the last 28 days'),
    low_usd: z.string().nullable().describe('If each day left costs as much as the cheapest of its weekdays'),
    high_usd: z
      .string()
      .nullable()
      .describe('If each day left costs as much as the most expensive of its weekdays'),
    capped: z.boolean().nullable().describe('True if caps or credits will stop the spend before that'),
    reason: z
      .enum(['not_enough_data'])
      .meta({ id: 'ForecastReason' })
      .nullable()
      .describe('Why there is no forecast'),
  })
  .meta({
    id: 'Forecast',
    example: {
      object: 'forecast',
      entity: 'entity1',
      as_of: 1764547200,
      period: '2026-12',
      month_to_date_usd: '0.00072136',
      forecast_usd: null,
      low_usd: null,
      high_usd: null,
      capped: null,
      reason: 'not_enough_data',
    },
  });
export type Forecast = z.output<typeof Forecast>;
