/** `/customers/{entity}/statements`: the months with a statement, and one of them, explained to the event. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { pageRoute } from '../../frame/frame-routes.js';
import { address, text } from '../../parts/address.js';

export const statementsRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/customers/$entity/statements',
  staticData: { needs: 'GET /v1/entities/{entity}/statements' },
  component: lazyRouteComponent(() => import('./statements.js'), 'Statements'),
});

export const statementRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/customers/$entity/statements/$period',
  validateSearch: address({ search: text(128) }),
  staticData: { needs: 'GET /v1/entities/{entity}/statements/{period}' },
  component: lazyRouteComponent(() => import('./statement.js'), 'Statement'),
});
