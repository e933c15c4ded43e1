/** An entity's usage in requests and answers. */
import { z } from 'zod';
import { amountsUsd, quantities } from '../http/maps.schema.js';
import { CONTROL, endsAfter, meterName, queryList, querySeconds, text } from '../http/fields.js';
import { showAs } from '../http/shown-schema.js';
import { bucketWidth } from './buckets.schema.js';
import { USAGE_FIELDS, type UsageGroup } from './entity-usage.sql.js';

const rangeFields = { start_time: querySeconds.optional(), end_time: querySeconds.optional() };

export const UsageQuery = z.strictObject(rangeFields).refine(...endsAfter('start_time', 'end_time'));
export type UsageQuery = z.output<typeof UsageQuery>;

const GROUPS_MAX = 2;
const VALUES_MAX = 100;
const GROUPS = `must be at most two different ones of ${USAGE_FIELDS.join(', ')}, meter, tag:<name>`;
const GROUP = new RegExp(`^(?:${[...USAGE_FIELDS, 'meter'].join('|')}|tag:[^${CONTROL},]{1,128})$`);
const TAG_VALUE = `^[^:${CONTROL}]+:[^${CONTROL}]+$`;

/** Each may stand several times. */
function valuesOf<T extends z.ZodType>(value: T) {
  return queryList(z.array(value).max(VALUES_MAX, `must have at most ${VALUES_MAX} values`)).optional();
}
const values = valuesOf(text(256));

const TAG = 'must be a tag as name:value';
const tagValues = valuesOf(
  text(256)
    .regex(/^[^:]+:./s, TAG)
    .meta({ pattern: TAG_VALUE }),
);

const meters = valuesOf(meterName);

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

const fields = {
  ...rangeFields,
  bucket_width: bucketWidth.optional(),
  group_by: groupBy.describe(`By default project and model; ${GROUPS}`),
  project: values,
  model: values,
  operation: values,
  service_tier: values,
  user: values,
  api_key: values,
  meter: meters,
  tag: tagValues.describe('`name:value`; also as `tag:name=value`'),
};

const parsing = z.strictObject(fields).refine(...endsAfter('start_time', 'end_time'));

/** `tag:team=search` is `tag=team:search`. */
export const GroupedUsageQuery = showAs(
  z.preprocess((query) => withTags(query), parsing),
  z.strictObject(fields),
);
export type GroupedUsageQuery = z.output<typeof parsing>;

function withTags(query: unknown): unknown {
  if (typeof query !== 'object' || query === null) return query;
  const others: [string, unknown][] = [];
  const tags: unknown[] = [];
  for (const [name, value] of Object.entries(query)) {
    if (name === 'tag') tags.push(...[value].flat());
    else if (name.startsWith('tag:')) tags.push(...[value].flat().map((each) => `${name.slice(4)}:${each}`));
    else others.push([name, value]);
  }
  return Object.fromEntries(tags.length === 0 ? others : [...others, ['tag', tags]]);
}

/** By field, or by tag. */
export function filtersOf(query: GroupedUsageQuery): Map<UsageGroup, string[]> {
  const filters = new Map<UsageGroup, string[]>();
  for (const field of USAGE_FIELDS) {
    const wanted = query[field];
    if (wanted !== undefined) filters.set(field, wanted);
  }
  for (const tag of query.tag ?? []) {
    const name = `tag:${tag.slice(0, tag.indexOf(':'))}` as const;
    filters.set(name, [...(filters.get(name) ?? []), tag.slice(tag.indexOf(':') + 1)]);
  }
  return filters;
}

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
