/** The routes about what could not be counted and what waits, for the tests of access. */
import type { RouteCase } from './routes.js';

export const METERING_ROUTES: readonly RouteCase[] = [
  {
    route: 'GET /v1/admin/dead_letters/{id}',
    role: 'admin',
    request: 'GET /v1/admin/dead_letters/dl_none',
  },
  { route: 'GET /v1/admin/queue', role: 'admin', request: 'GET /v1/admin/queue' },
];
