/** `/customers/{entity}/usage`: usage by any two of its fields, filtered by any, by hour, day or month. The address holds all of it. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { queries } from '../../api/queries.js';
import { pageRoute } from '../../frame/frame-routes.js';
import { address, day, oneOf, text } from '../../parts/address.js';
import { MEASURES } from '../../parts/words.js';
import { loadAhead } from '../../session/load-ahead.js';
import { FILTERS_LENGTH_MAX } from './filters.js';
import { askedOf, usageQuery } from './load.js';

const NEEDS = 'GET /v1/entities/{entity}/usage';

export const WIDTHS = ['1h', '1d', '1mo'] as const;
export const TOPS = ['6', '20', '100', 'all'] as const;

const readAddress = address({
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
});

export const usageRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/customers/$entity/usage',
  validateSearch: readAddress,
  staticData: { needs: NEEDS },
  loaderDeps: ({ search: { by, and, width, from, to, filters } }) => ({ by, and, width, from, to, filters }),
  loader: ({ params: { entity }, deps, preload }) =>
    loadAhead({
      needs: NEEDS,
      preload,
      load: () => [queries.prefetchQuery(usageQuery(entity, askedOf(deps)))],
    }),
  component: lazyRouteComponent(() => import('./usage.js'), 'Usage'),
});
