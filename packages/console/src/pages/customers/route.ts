/** `/customers`: every customer that the key may see, and which of them are refused or run out soon. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { pageRoute } from '../../frame/frame-routes.js';
import { address, oneOf, text } from '../../parts/address.js';

export const STATES = ['cap_reached', 'out_of_credits', 'overage', 'within_limits'] as const;

/** What the server sorts by. */
export const SORTS = [
  'entity', 'plan', 'month_to_date_usd', 'change_usd', 'monthly_cap_share', 'credits_usd', 'credits_until',
  'held_usd', 'denied_requests', 'forecast_usd',
] as const; // prettier-ignore
type SortName = (typeof SORTS)[number];
export type CustomersSort = SortName | `-${SortName}`;

export const customersRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/customers',
  validateSearch: address({
    search: text(128),
    plan: text(128),
    state: oneOf(STATES),
    sort: oneOf<CustomersSort>(SORTS.flatMap((name) => [name, `-${name}` as const])),
  }),
  staticData: { needs: 'GET /v1/entities' },
  component: lazyRouteComponent(() => import('./customers.js'), 'Customers'),
});
