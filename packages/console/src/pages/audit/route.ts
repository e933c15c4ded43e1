/** `/audit`: who changed what. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { pageRoute } from '../../frame/frame-routes.js';
import { address, day, text } from '../../parts/address.js';

export const auditRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/audit',
  validateSearch: address({
    actor: text(128),
    action: text(64),
    entity: text(128),
    target: text(256),
    from: day(),
    to: day(),
    /** The entry that is open. */
    id: text(64),
  }),
  staticData: { needs: 'GET /v1/admin/audit_log' },
  component: lazyRouteComponent(() => import('./audit.js'), 'Audit'),
});
