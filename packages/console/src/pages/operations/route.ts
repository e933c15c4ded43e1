/** `/operations`: the queue, long work, the books, and figures of the service. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { pageRoute } from '../../frame/frame-routes.js';
import { address, oneOf, text } from '../../parts/address.js';

export const JOB_STATES = ['queued', 'running', 'done', 'failed'] as const;
export const JOB_KINDS = [
  'price_import', 'rerating', 'unpriced_charging', 'dead_letter_resolution', 'conflict_resolution', 'reconciliation', 'repair', 'erasure',
] as const; // prettier-ignore

export const operationsRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/operations',
  staticData: { needs: 'GET /v1/admin/queue' },
  component: lazyRouteComponent(() => import('./operations.js'), 'Operations'),
});

export const jobsRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/operations/jobs',
  validateSearch: address({ status: oneOf(JOB_STATES), kind: oneOf(JOB_KINDS), id: text(256) }),
  staticData: { needs: 'GET /v1/admin/jobs' },
  component: lazyRouteComponent(() => import('./jobs.js'), 'JobsPage'),
});

export const booksRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/operations/books',
  /** The reconciliation that is shown; the newest where none is named. */
  validateSearch: address({ job: text(256) }),
  staticData: { needs: 'GET /v1/admin/reconciliation' },
  component: lazyRouteComponent(() => import('./books.js'), 'Books'),
});
