/** The routes about what could not be counted and what waits, for the tests of access. */
import type { RouteCase } from './routes.js';

export const METERING_ROUTES: readonly RouteCase[] = [
  {
    route: 'GET /v1/admin/dead_letters/{id}',
    role: 'admin',
    request: 'GET /v1/admin/dead_letters/dl_none',
  },
  {
    route: 'POST /v1/admin/usage_conflicts/count',
    role: 'admin',
    request: 'POST /v1/admin/usage_conflicts/count',
    body: { entity: 'entity1' },
    namesEntity: true,
  },
  {
    route: 'POST /v1/admin/usage_conflicts/review',
    role: 'admin',
    request: 'POST /v1/admin/usage_conflicts/review',
    body: { subject: 'entity1/project1' },
    namesEntity: true,
  },
  { route: 'GET /v1/admin/queue', role: 'admin', request: 'GET /v1/admin/queue' },
  { route: 'POST /v1/admin/queue/pause', role: 'admin', request: 'POST /v1/admin/queue/pause' },
  { route: 'POST /v1/admin/queue/resume', role: 'admin', request: 'POST /v1/admin/queue/resume' },
];
