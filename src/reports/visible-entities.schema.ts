/** The entities that a key may look at, with what a month cost each. */
import { z } from 'zod';
import { quotaMode } from '../accounts/entities.schema.js';
import { overage } from '../accounts/limits.schema.js';
import { afterText, pageLimit, period, planName, text } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';
import { RANKED_MAX, RANKED_SORTS, type RankedSort } from './ranked-entities.js';
import { VISIBLE_SORTS, VISIBLE_STATES, type VisibleSort } from './visible-entities.sql.js';

const NAMES = [...Object.keys(VISIBLE_SORTS), ...RANKED_SORTS];
const SORT = `must be one of ${NAMES.join(', ')}, with - before it for the largest first`;

const state = z.enum(VISIBLE_STATES, `must be one of ${VISIBLE_STATES.join(', ')}`).meta({
  id: 'CustomerState',
  description:
    'By the limits in force now. cap_reached: no more of the month or the year. out_of_credits: nothing left, and overage is blocked. overage: nothing left, and what is used is owed. within_limits: none of these',
});

export const VisibleEntitiesQuery = z.strictObject({
  limit: pageLimit,
  after: afterText,
  period: period.optional().describe('By default the current month'),
  search: text(128).optional().describe('A part of the name, in any case'),
  plan: planName.optional().describe('Only those of this plan'),
  state: state.optional(),
  sort: z
    .enum([...NAMES, ...NAMES.map((name) => `-${name}`)], SORT)
    .transform((sort) => ({
      by: sort.replace(/^-/, '') as VisibleSort | RankedSort,
      isDescending: sort.startsWith('-'),
    }))
    .optional()
    .meta({
      description: `${SORT}. Those without a value come last. By ${RANKED_SORTS.join(', ')}: at most ${RANKED_MAX} that match`,
      example: '-month_to_date_usd',
    }),
});
export type VisibleEntitiesQuery = z.output<typeof VisibleEntitiesQuery>;

export const VisibleEntity = z
  .object({
    object: z.literal('entity_name'),
    entity: z.string(),
    plan: z.string(),
    state,
    period: z.string(),
    month_to_date_usd: z.string().describe('What the period has been charged so far'),
    previous_month_usd: z.string().describe('What the month before was charged'),
    previous_same_days_usd: z
      .string()
      .describe('What the month before was charged for the same days and hours; of a past period, all of it'),
    change_usd: z.string().describe('month_to_date_usd less previous_same_days_usd'),
    monthly_cap_usd: z.string().nullable().describe('In force now; null: no limit'),
    monthly_cap_share: z
      .string()
      .nullable()
      .describe('How much of the cap the period has used, four decimals; null without a cap, or one of 0'),
    yearly_cap_usd: z.string().nullable().describe('In force now; null: no limit'),
    overage,
    quota_mode: quotaMode,
    credits_usd: z.string().describe('What can be spent now'),
    credits_until: z
      .int()
      .nullable()
      .describe(
        'When they end at the pace of the last seven days; now, where requests are refused because none are left; null where nothing was spent in those days, where they last for ten years, or where none are left and requests are not refused for that (overage is owed, a cap is reached)',
      ),
    credits_expire_at: z.int().nullable().describe('When the first of them expire; null: never'),
    held_usd: z
      .string()
      .nullable()
      .describe('What requests in flight may still cost; null while nobody can say'),
    denied_requests: z
      .int()
      .nullable()
      .describe('In the hours that began within the last day; null while nobody can say'),
    denied_by_limit: z
      .array(z.object({ limit: z.string(), denied: z.int() }).meta({ id: 'DeniedByLimit' }))
      .nullable()
      .describe('The same by the limit that was in the way, the most first'),
    forecast_usd: z
      .string()
      .nullable()
      .describe(
        'The current month to its end; null for another period, or with less than three days of data',
      ),
  })
  .meta({ id: 'Customer' });
export type VisibleEntity = z.output<typeof VisibleEntity>;

const VisibleTotals = z
  .object({
    entities: z.int(),
    month_to_date_usd: z.string(),
    previous_month_usd: z.string(),
    credits_usd: z.string(),
    states: z
      .object(
        Object.fromEntries(VISIBLE_STATES.map((state) => [state, z.int()])) as Record<
          (typeof VISIBLE_STATES)[number],
          z.ZodInt
        >,
      )
      .meta({ id: 'CustomerStates' }),
  })
  .meta({ id: 'CustomerTotals' });
export type VisibleTotals = z.output<typeof VisibleTotals>;

export const VisibleEntityList = listOf(VisibleEntity)
  .extend({ totals: VisibleTotals.describe('Of all pages together') })
  .meta({ id: 'CustomerList' });
