/** `/customers`: every customer that the key may see, and which of them are refused or run out soon. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { queries } from '../../api/queries.js';
import { pageRoute } from '../../frame/frame-routes.js';
import { address, oneOf, text } from '../../parts/address.js';
import { paging } from '../../parts/paged.js';
import { loadAhead } from '../../session/load-ahead.js';

const NEEDS = 'GET /v1/entities';

export const STATES = ['cap_reached', 'out_of_credits', 'overage', 'within_limits'] as const;

/** What the server sorts by. */
export const SORTS = [
  'entity', 'plan', 'month_to_date_usd', 'change_usd', 'monthly_cap_share', 'credits_usd', 'credits_until',
  'held_usd', 'denied_requests', 'forecast_usd',
] as const; // prettier-ignore
type SortName = (typeof SORTS)[number];
export type CustomersSort = SortName | `-${SortName}`;

type Search = { search?: string; plan?: string; state?: (typeof STATES)[number]; sort?: CustomersSort };

/** Those whose credits end first are at the top. */
export function customersInit({ sort = 'credits_until', ...filter }: Search) {
  return { params: { query: { ...filter, sort } } };
}

const readAddress = address({
  search: text(128),
  plan: text(128),
  state: oneOf(STATES),
  sort: oneOf<CustomersSort>(SORTS.flatMap((name) => [name, `-${name}` as const])),
});

export const customersRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/customers',
  validateSearch: readAddress,
  staticData: { needs: NEEDS },
  loaderDeps: ({ search }) => search,
  loader: ({ deps, preload }) =>
    loadAhead({
      needs: NEEDS,
      preload,
      load: () => [queries.prefetchInfiniteQuery(paging('/v1/entities', customersInit(deps)))],
    }),
  component: lazyRouteComponent(() => import('./customers.js'), 'Customers'),
});
