/** `/customers/{entity}/events`: counted events with filters, and one of them with everything that explains it. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { pageRoute } from '../../frame/frame-routes.js';
import { address, day, month, oneOf, text } from '../../parts/address.js';
import { FILTERS_LENGTH_MAX } from '../usage/filters.js';

export const ID_KINDS = ['event_id', 'request_id', 'reservation_id'] as const;

export const eventsRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/customers/$entity/events',
  validateSearch: address({
    from: day(),
    to: day(),
    filters: text(FILTERS_LENGTH_MAX),
    without: text(256),
    period: month(),
    rate: text(18),
    price: text(18),
    kind: oneOf(ID_KINDS),
    id: text(256),
  }),
  staticData: { needs: 'GET /v1/entities/{entity}/events' },
  component: lazyRouteComponent(() => import('./events.js'), 'Events'),
});

export const eventRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/customers/$entity/events/$event',
  staticData: { needs: 'GET /v1/entities/{entity}/events/{event}' },
  component: lazyRouteComponent(() => import('./event.js'), 'Event'),
});
