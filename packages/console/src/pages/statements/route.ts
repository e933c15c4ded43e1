/** `/customers/{entity}/statements`: the months with a statement, and one of them, explained to the event. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { reading } from '../../api/client.js';
import { queries } from '../../api/queries.js';
import { pageRoute } from '../../frame/frame-routes.js';
import { address, text } from '../../parts/address.js';
import { loadAhead } from '../../session/load-ahead.js';

const NEEDS = 'GET /v1/entities/{entity}/statements';
const ONE_NEEDS = 'GET /v1/entities/{entity}/statements/{period}';

export const statementsRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/customers/$entity/statements',
  staticData: { needs: NEEDS },
  loader: ({ params, preload }) =>
    loadAhead({
      needs: NEEDS,
      preload,
      load: () => [
        queries.prefetchQuery(reading('/v1/entities/{entity}/statements', { params: { path: params } })),
      ],
    }),
  component: lazyRouteComponent(() => import('./statements.js'), 'Statements'),
});

export const statementRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/customers/$entity/statements/$period',
  validateSearch: address({ search: text(128) }),
  staticData: { needs: ONE_NEEDS },
  loader: ({ params, preload }) =>
    loadAhead({
      needs: ONE_NEEDS,
      preload,
      load: () => [
        queries.prefetchQuery(
          reading('/v1/entities/{entity}/statements/{period}', { params: { path: params } }),
        ),
      ],
    }),
  component: lazyRouteComponent(() => import('./statement.js'), 'Statement'),
});
