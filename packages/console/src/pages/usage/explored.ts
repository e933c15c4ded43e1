/** What the address of the explorer asks for, with its defaults. */
import { useCallback, useMemo } from 'react';
import { isoDayOf } from '../../parts/calendar.js';
import { nowSeconds, periodAt } from '../../parts/times.js';
import { isField, readFilters } from './filters.js';
import { usageRoute } from './route.js';

export type Explored = ReturnType<typeof useExplored>;
type UsageSearch = ReturnType<typeof usageRoute.useSearch>;

export function useExplored() {
  const { entity } = usageRoute.useParams();
  const search = usageRoute.useSearch();
  const navigate = usageRoute.useNavigate();
  const change = useCallback(
    (changes: Partial<UsageSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...changes }), replace: true }),
    [navigate],
  );
  return useMemo(() => {
    const month = periodAt(nowSeconds());
    const [from, to] = [search.from ?? `${month}-01`, search.to ?? isoDayOf(nowSeconds())];
    const isInOrder = from <= to;
    const groups = [search.by ?? 'model', search.and ?? ''].filter(isField);
    return {
      entity,
      change,
      search,
      groups: [...new Set(groups.length === 0 ? ['model'] : groups)],
      filters: readFilters(search.filters),
      width: search.width ?? ('1d' as const),
      show: search.show ?? ('cost' as const),
      top: search.top ?? ('6' as const),
      from: isInOrder ? from : to,
      to: isInOrder ? to : from,
    };
  }, [entity, search, change]);
}
