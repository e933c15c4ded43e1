/** `/customers/{entity}/usage`: usage by any two of its fields, filtered by any, by hour, day or month. The address holds all of it. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { pageRoute } from '../../frame/frame-routes.js';
import { address, day, oneOf, text } from '../../parts/address.js';
import { MEASURES } from '../../parts/words.js';
import { FILTERS_LENGTH_MAX } from './filters.js';

export const WIDTHS = ['1h', '1d', '1mo'] as const;
export const TOPS = ['6', '20', '100', 'all'] as const;

export const usageRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/customers/$entity/usage',
  validateSearch: address({
    by: text(160),
    and: text(160),
    width: oneOf(WIDTHS),
    show: oneOf(MEASURES),
    from: day(),
    to: day(),
    filters: text(FILTERS_LENGTH_MAX),
    search: text(128),
    top: oneOf(TOPS),
    sort: text(32),
  }),
  staticData: { needs: 'GET /v1/entities/{entity}/usage' },
  component: lazyRouteComponent(() => import('./usage.js'), 'Usage'),
});
