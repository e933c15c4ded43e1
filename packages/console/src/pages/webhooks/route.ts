/** `/webhooks`: where alerts go, and what became of each delivery. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { pageRoute } from '../../frame/frame-routes.js';
import { address, oneOf, text } from '../../parts/address.js';

export const DELIVERY_STATES = ['pending', 'delivered', 'failed'] as const;

export const webhooksRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/webhooks',
  /** Of the webhook that is open. */
  validateSearch: address({ id: text(128), status: oneOf(DELIVERY_STATES), delivery: text(128) }),
  staticData: { needs: 'GET /v1/admin/webhooks' },
  component: lazyRouteComponent(() => import('./webhooks.js'), 'Webhooks'),
});

export const mailsRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/webhooks/mail',
  validateSearch: address({ status: oneOf(DELIVERY_STATES), id: text(128) }),
  staticData: { needs: 'GET /v1/admin/mail_deliveries' },
  component: lazyRouteComponent(() => import('./mails.js'), 'Mails'),
});
