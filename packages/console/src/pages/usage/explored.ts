/** What the address of the explorer asks for, and how it is changed. */
import { useCallback, useMemo } from 'react';
import { askedOf } from './load.js';
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
  return useMemo(
    () => ({
      entity,
      change,
      search,
      show: search.show ?? ('cost' as const),
      top: search.top ?? ('6' as const),
      ...askedOf(search),
    }),
    [entity, search, change],
  );
}
