/** The address of the events of a group: its own values beside the filters. Pure. */
import { writeFilters, withFilter, type Filter } from './filters.js';
import type { GroupRow } from './groups.js';

type Of = {
  readonly filters: readonly Filter[];
  readonly groups: readonly string[];
  readonly from: string;
  readonly to: string;
};

export function eventsSearch({ filters, groups, from, to }: Of, row: Pick<GroupRow, 'names'>) {
  const without: string[] = [];
  let all: readonly Filter[] = filters;
  for (const [at, field] of groups.entries()) {
    const value = row.names[at] ?? null;
    if (value === null) without.push(field);
    // The group's own value replaces the filter's values of the same field.
    else
      all = withFilter(
        all.filter((each) => each.field !== field),
        { field, value },
      );
  }
  return { from, to, filters: writeFilters(all), without: without.join(',') || undefined };
}
