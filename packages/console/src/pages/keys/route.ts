/** `/keys`: the API keys of all; `/customers/{entity}/keys`: those of one customer. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { pageRoute } from '../../frame/frame-routes.js';
import { address, oneOf, text } from '../../parts/address.js';

export const KEY_ROLES = ['gateway', 'finance', 'owner', 'admin'] as const;
export const KEY_STATES = ['active', 'expired', 'revoked'] as const;

export const keysRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/keys',
  validateSearch: address({ entity: text(128), role: oneOf(KEY_ROLES), state: oneOf(KEY_STATES) }),
  staticData: { needs: 'GET /v1/admin/keys' },
  component: lazyRouteComponent(() => import('./keys.js'), 'Keys'),
});

export const customerKeysRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/customers/$entity/keys',
  validateSearch: address({ role: oneOf(KEY_ROLES), state: oneOf(KEY_STATES) }),
  staticData: { needs: 'GET /v1/admin/keys' },
  component: lazyRouteComponent(() => import('./keys.js'), 'CustomerKeys'),
});
