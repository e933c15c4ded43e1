/** `/alerts`: what is watched for the operators of the service, and for a customer. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { pageRoute } from '../../frame/frame-routes.js';
import { address, text } from '../../parts/address.js';

export const alertsRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/alerts',
  /** Without a customer: those of the whole service. */
  validateSearch: address({ entity: text(128) }),
  staticData: { needs: 'GET /v1/organization/alerts' },
  component: lazyRouteComponent(() => import('./alerts.js'), 'Alerts'),
});

export const customerAlertsRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/customers/$entity/alerts',
  staticData: { needs: 'GET /v1/organization/alerts' },
  component: lazyRouteComponent(() => import('./customer-alerts.js'), 'AlertsOfCustomer'),
});
