/** `/customers/{entity}`: everything about one customer, and what can be done for it. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { pageRoute } from '../../frame/frame-routes.js';

export const customerRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/customers/$entity',
  staticData: { needs: 'GET /v1/entities/{entity}/balance' },
  component: lazyRouteComponent(() => import('./customer.js'), 'Customer'),
});
