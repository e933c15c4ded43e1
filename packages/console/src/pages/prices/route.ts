/** `/prices`: the price book, what waits for a price, and the import of a price map. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { pageRoute } from '../../frame/frame-routes.js';
import { address, oneOf, text } from '../../parts/address.js';

/** Of an import's difference. */
export const PARTS = ['changes', 'skipped', 'kept', 'ignored', 'rounded'] as const;

const SORTS = ['model', '-model', 'input', '-input', 'output', '-output', 'since', '-since'] as const;

export const pricesRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/prices',
  validateSearch: address({
    search: text(256),
    source: text(256),
    whose: oneOf(['list', 'own']),
    sort: oneOf(SORTS),
  }),
  staticData: { needs: 'GET /v1/admin/prices' },
  component: lazyRouteComponent(() => import('./prices.js'), 'Prices'),
});

export const modelRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/prices/model',
  validateSearch: address({ model: text(256), version: text(20) }),
  staticData: { needs: 'GET /v1/admin/prices' },
  component: lazyRouteComponent(() => import('./model.js'), 'ModelPage'),
});

export const unpricedRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/prices/unpriced',
  validateSearch: address({ model: text(256), entity: text(128) }),
  staticData: { needs: 'GET /v1/admin/prices/unpriced' },
  component: lazyRouteComponent(() => import('./unpriced.js'), 'Unpriced'),
});

export const importRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/prices/import',
  validateSearch: address({ search: text(256), part: oneOf(PARTS) }),
  staticData: { needs: 'POST /v1/admin/prices/import' },
  component: lazyRouteComponent(() => import('./import.js'), 'ImportPage'),
});
