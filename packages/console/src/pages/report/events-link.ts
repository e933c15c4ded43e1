/** The address of the events of a row of the report. */
import { addDays } from '../../parts/calendar.js';
import { writeFilters } from '../usage/filters.js';
import type { ReportOf } from './compute.js';

type Of = { readonly project?: string; readonly model?: string; readonly meter?: string };

export function eventsOf({ range }: Pick<ReportOf, 'range'>, of: Of) {
  const filters = (['project', 'model', 'meter'] as const).flatMap((field) => {
    const value = of[field] ?? '';
    return value === '' ? [] : [{ field, value }];
  });
  return { from: range.start, to: addDays(range.end, -1), filters: writeFilters(filters) };
}
