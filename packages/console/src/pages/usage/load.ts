/** What the address of the explorer asks for, and the call that answers it. */
import { queryOptions } from '@tanstack/react-query';
import { reading } from '../../api/client.js';
import { asApiError } from '../../api/errors.js';
import { queries } from '../../api/queries.js';
import { addDays, isoDayOf, secondsOfDay } from '../../parts/calendar.js';
import { nowSeconds, periodAt } from '../../parts/times.js';
import { isField, queryOf, readFilters } from './filters.js';
import type { ApiRow } from './groups.js';

type Search = {
  readonly by?: string;
  readonly and?: string;
  readonly width?: '1h' | '1d' | '1mo';
  readonly from?: string;
  readonly to?: string;
  readonly filters?: string;
};

/** With its defaults. */
export function askedOf(search: Search) {
  const month = periodAt(nowSeconds());
  const [from, to] = [search.from ?? `${month}-01`, search.to ?? isoDayOf(nowSeconds())];
  const isInOrder = from <= to;
  const groups = [search.by ?? 'model', search.and ?? ''].filter(isField);
  return {
    groups: [...new Set(groups.length === 0 ? ['model'] : groups)],
    filters: readFilters(search.filters),
    width: search.width ?? ('1d' as const),
    from: isInOrder ? from : to,
    to: isInOrder ? to : from,
  };
}

export type Answer = { readonly data: readonly ApiRow[]; readonly isWhole: boolean };

/** Where there are more rows than the API gives at once, the sums come without buckets, so that the table is complete. */
export function usageQuery(entity: string, { groups, filters, width, from, to }: ReturnType<typeof askedOf>) {
  const query = {
    ...queryOf(filters),
    group_by: groups.join(','),
    start_time: secondsOfDay(from),
    end_time: secondsOfDay(addDays(to, 1)),
  };
  const ask = async (more: object) => {
    const params = { path: { entity }, query: { ...query, ...more } as never };
    const answer = await queries.fetchQuery(reading('/v1/entities/{entity}/usage', { params }));
    return answer.data as unknown as ApiRow[];
  };
  return queryOptions({
    queryKey: ['explored', entity, query, width] as const,
    queryFn: async (): Promise<Answer> => {
      try {
        return { data: await ask({ bucket_width: width }), isWhole: true };
      } catch (error) {
        // What else may be wrong with the end is wrong without buckets too.
        if (asApiError(error).param !== 'end_time') throw error;
        return { data: await ask({}), isWhole: false };
      }
    },
  });
}
