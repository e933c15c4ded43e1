/** The entities that a key may look at, with what a month cost each. */
import { z } from 'zod';
import { afterText, pageLimit, period, text } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';
import { OVERVIEW_SORTS, type OverviewSort } from './entity-overview.sql.js';

const NAMES = Object.keys(OVERVIEW_SORTS);
const SORT = `must be one of ${NAMES.join(', ')}, with - before it for the largest first`;

export const VisibleEntitiesQuery = z.strictObject({
  limit: pageLimit,
  after: afterText,
  period: period.optional().describe('By default the current month'),
  search: text(128).optional().describe('A part of the name, in any case'),
  sort: z
    .enum([...NAMES, ...NAMES.map((name) => `-${name}`)], SORT)
    .transform((sort) => ({
      by: sort.replace(/^-/, '') as OverviewSort,
      isDescending: sort.startsWith('-'),
    }))
    .optional()
    .meta({ description: SORT, example: '-month_to_date_usd' }),
});
export type VisibleEntitiesQuery = z.output<typeof VisibleEntitiesQuery>;

export const VisibleEntity = z
  .object({
    object: z.literal('entity_name'),
    entity: z.string(),
    plan: z.string(),
    period: z.string(),
    month_to_date_usd: z.string().describe('What the period has been charged so far'),
    previous_month_usd: z.string(),
    change_usd: z.string().describe('The difference of these two'),
    monthly_cap_usd: z.string().nullable().describe('In force now; null: no limit'),
    monthly_cap_share: z
      .string()
      .nullable()
      .describe('How much of the cap the month has used, four decimals; null without a cap, or one of 0'),
    credits_usd: z.string().describe('What is left now'),
    credits_until: z.int().nullable().describe('When the first of them expire; null: never'),
  })
  .meta({ id: 'Customer' });
export type VisibleEntity = z.output<typeof VisibleEntity>;
export const VisibleEntityList = listOf(VisibleEntity).meta({ id: 'CustomerList' });
