/** An entity's activity in answers. */
import { z } from 'zod';
import { quantities } from '../http/maps.schema.js';
import { CreditGrant } from '../credits/credits.schema.js';

const count = z.int();

export const Activity = z
  .object({
    object: z.literal('activity'),
    entity: z.string(),
    as_of: z.int(),
    newest_usage_at: z.int().nullable(),
    start_time: z.int(),
    end_time: z.int(),
    days: z.array(
      z
        .object({
          day: z.iso.date().describe('In UTC, such as 2026-11-22'),
          project: z.string(),
          model: z.string(),
          requests: count,
          input_tokens: count.describe('Of the meter "input"'),
          cached_input_tokens: count.describe('Of the meter "cached_input"'),
          output_tokens: count.describe('Of the meters "output" and "reasoning"'),
          quantities: quantities.describe('By meter'),
          cost_usd: z.string(),
          credits_usd: z.string().describe('The part of the cost that credits paid'),
        })
        .meta({ id: 'ActivityDay' }),
    ),
    credits_after_usd: z.string().describe('What credits paid of usage from end_time on'),
    grants: z.array(CreditGrant.extend({ voided_at: z.int().nullable() }).meta({ id: 'ActivityGrant' })),
    marks: z
      .object({
        late_requests: count.describe('Charged to another month than the one in which they occurred'),
        late_usd: z.string(),
        late: z
          .array(
            z
              .object({
                occurred_period: z.string(),
                period: z.string().describe('The month that it is charged to'),
                requests: count,
                cost_usd: z.string(),
              })
              .meta({ id: 'ActivityLate' }),
          )
          .describe('The same by both months, oldest first'),
        unpriced_requests: count.describe('Those of which nothing has a price yet'),
        unpriced_models: z.array(z.string()).describe('The models of those requests'),
        unpriced: z.array(
          z
            .object({
              model: z.string(),
              quantities: quantities.describe('What has no price, be it a part of requests'),
            })
            .meta({ id: 'ActivityUnpriced' }),
        ),
        conflicts: count.describe('Known identities that arrived with other content, not yet reviewed'),
        dead_letters: count.describe('Events that could not be counted and are still open'),
      })
      .meta({ id: 'ActivityMarks' }),
    periods: z
      .array(
        z
          .object({
            period: z.string(),
            ok: z.boolean(),
            charged_usd: z.string(),
            credits_usd: z.string(),
            overage_usd: z.string(),
            rolled_up_usd: z.string(),
            projects_usd: z.string(),
          })
          .meta({ id: 'ActivityPeriod' }),
      )
      .describe('Each period that the range touches, as three parts of the books have it'),
  })
  .meta({ id: 'Activity' });
export type Activity = z.output<typeof Activity>;
