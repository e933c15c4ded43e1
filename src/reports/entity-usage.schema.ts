/** An entity's usage in requests and answers. */
import { z } from 'zod';
import { amountsUsd, quantities } from '../http/maps.schema.js';
import { CONTROL, endsAfter, querySeconds } from '../http/fields.js';
import { showAs } from '../http/shown-schema.js';
import { filterFields, withTags } from './usage-filters.schema.js';
import { USAGE_FIELDS, type UsageGroup } from './usage-fields.sql.js';

const rangeFields = { start_time: querySeconds.optional(), end_time: querySeconds.optional() };

export const UsageQuery = z.strictObject(rangeFields).refine(...endsAfter('start_time', 'end_time'));
export type UsageQuery = z.output<typeof UsageQuery>;

const GROUPS_MAX = 2;
const GROUPS = `must be at most two different ones of ${USAGE_FIELDS.join(', ')}, meter, tag:<name>`;
const GROUP = new RegExp(`^(?:${[...USAGE_FIELDS, 'meter'].join('|')}|tag:[^${CONTROL},]{1,128})$`);
/** `model,project`, or the same as two parameters. */
const groupBy = z
  .preprocess(
    (value) => [value].flat().flatMap((each) => (typeof each === 'string' ? each.split(',') : [each])),
    z
      .array(z.string({ error: GROUPS }).regex(GROUP, GROUPS))
      .max(GROUPS_MAX, GROUPS)
      .refine((groups) => new Set(groups).size === groups.length, GROUPS)
      .meta({ uniqueItems: true }),
  )
  .transform((groups) => groups as (UsageGroup | 'meter')[])
  .optional();

const usageWidth = z
  .enum(['1m', '1h', '1d', '1mo'], 'must be 1m, 1h, 1d or 1mo')
  .meta({ id: 'UsageWidth', description: 'Minutes, hours, days, or calendar months in UTC' });

const fields = {
  ...rangeFields,
  bucket_width: usageWidth.optional(),
  group_by: groupBy.describe(`By default project and model; ${GROUPS}`),
  ...filterFields,
};

const parsing = z.strictObject(fields).refine(...endsAfter('start_time', 'end_time'));

export const GroupedUsageQuery = showAs(
  z.preprocess((query) => withTags(query), parsing),
  z.strictObject(fields),
);
export type GroupedUsageQuery = z.output<typeof parsing>;

const count = z.int();
const group = z.string().nullable().optional();

export const EntityUsage = z
  .object({
    object: z.literal('entity_usage'),
    entity: z.string(),
    start_time: z.int(),
    end_time: z.int(),
    group_by: z.array(z.string()),
    data: z.array(
      z
        .object({
          start_time: z.int().optional().describe('Of the bucket, with bucket_width'),
          end_time: z.int().optional(),
          project: group,
          model: group,
          operation: group,
          service_tier: group,
          user: group,
          api_key: group,
          meter: z.string().optional(),
          requests: count.nullable().describe('Null where rows are of single meters: a request has many'),
          input_tokens: count.describe('Of the meter "input"'),
          cached_input_tokens: count.describe('Of the meter "cached_input"'),
          output_tokens: count.describe('Of the meters "output" and "reasoning"'),
          quantities,
          cost_usd: z.string(),
          meter_costs_usd: amountsUsd.describe('By meter; they add up to the cost'),
          unpriced_meters: z.array(z.string()).describe('Those of which some quantity has no price yet'),
        })
        .loose()
        .meta({ id: 'EntityUsageRow' })
        .describe('With a field for each of group_by, such as "tag:team"; null for usage that has none'),
    ),
  })
  .meta({ id: 'EntityUsage' });
export type EntityUsage = z.output<typeof EntityUsage>;
