/** `/inbox`: what waits for a person, each with its list. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { pageRoute } from '../../frame/frame-routes.js';
import { address, day, oneOf, text } from '../../parts/address.js';

export const LETTER_STATES = ['open', 'replayed', 'discarded'] as const;
export const CONFLICT_STATES = ['open', 'reviewed', 'counted'] as const;

export const inboxRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/inbox',
  staticData: { needs: 'GET /v1/admin/inbox' },
  component: lazyRouteComponent(() => import('./inbox.js'), 'InboxPage'),
});

export const deadLettersRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/inbox/dead-letters',
  validateSearch: address({
    status: oneOf(LETTER_STATES),
    code: text(64),
    entity: text(128),
    reason: text(256),
    from: day(),
    to: day(),
    /** The one that is open. */
    id: text(256),
  }),
  staticData: { needs: 'GET /v1/admin/dead_letters' },
  component: lazyRouteComponent(() => import('./dead-letters.js'), 'DeadLetters'),
});

export const conflictsRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/inbox/conflicts',
  validateSearch: address({
    status: oneOf(CONFLICT_STATES),
    entity: text(128),
    from: day(),
    to: day(),
    /** The one that is open. */
    id: text(256),
  }),
  staticData: { needs: 'GET /v1/admin/usage_conflicts' },
  component: lazyRouteComponent(() => import('./conflicts.js'), 'Conflicts'),
});
