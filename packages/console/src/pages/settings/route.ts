/** `/settings`: plans, and how long data other than money is kept. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { pageRoute } from '../../frame/frame-routes.js';

export const plansRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/settings',
  staticData: { needs: 'GET /v1/admin/plans' },
  component: lazyRouteComponent(() => import('./plans.js'), 'Plans'),
});

export const retentionRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/settings/retention',
  staticData: { needs: 'GET /v1/admin/settings/retention' },
  component: lazyRouteComponent(() => import('./retention.js'), 'Retention'),
});
