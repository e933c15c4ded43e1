/** The filters of usage and of events in queries: the same fields mean the same in both. */
import { z } from 'zod';
import { CONTROL, meterName, queryList, text } from '../http/fields.js';
import { USAGE_FIELDS, type UsageFilters, type UsageGroup } from './usage-fields.sql.js';

const VALUES_MAX = 100;
const TAG_VALUE = `^[^:${CONTROL}]+:[^${CONTROL}]+$`;
const TAG = 'must be a tag as name:value';

/** Each may stand several times. */
export function valuesOf<T extends z.ZodType>(value: T) {
  return queryList(z.array(value).max(VALUES_MAX, `must have at most ${VALUES_MAX} values`)).optional();
}
const values = valuesOf(text(256));

const tagValues = valuesOf(
  text(256)
    .regex(/^[^:]+:./s, TAG)
    .meta({ pattern: TAG_VALUE }),
);

export const filterFields = {
  project: values,
  model: values,
  operation: values,
  service_tier: values,
  user: values,
  api_key: values,
  meter: valuesOf(meterName),
  tag: tagValues.describe('`name:value`; also as `tag:name=value`'),
};

type Filters = {
  readonly [Name in Exclude<keyof typeof filterFields, 'meter'>]?: readonly string[] | undefined;
};

/** `tag:team=search` is `tag=team:search`. */
export function withTags(query: unknown): unknown {
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
export function filtersOf(query: Filters): UsageFilters {
  const filters = new Map<UsageGroup, string[]>();
  for (const field of USAGE_FIELDS) {
    const wanted = query[field];
    if (wanted !== undefined) filters.set(field, [...wanted]);
  }
  for (const tag of query.tag ?? []) {
    const name = `tag:${tag.slice(0, tag.indexOf(':'))}` as const;
    filters.set(name, [...(filters.get(name) ?? []), tag.slice(tag.indexOf(':') + 1)]);
  }
  return filters;
}
