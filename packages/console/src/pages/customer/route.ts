/** `/customers/{entity}`: everything about one customer, and what can be done for it. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { reading } from '../../api/client.js';
import { queries } from '../../api/queries.js';
import { pageRoute } from '../../frame/frame-routes.js';
import { loadAhead } from '../../session/load-ahead.js';

const NEEDS = 'GET /v1/entities/{entity}/balance';

export const customerRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/customers/$entity',
  staticData: { needs: NEEDS },
  loader: ({ params, preload }) =>
    loadAhead({
      needs: NEEDS,
      preload,
      load: () => [
        queries.prefetchQuery(reading('/v1/entities/{entity}', { params: { path: params } })),
        queries.prefetchQuery(reading('/v1/entities/{entity}/balance', { params: { path: params } })),
      ],
    }),
  component: lazyRouteComponent(() => import('./customer.js'), 'Customer'),
});
