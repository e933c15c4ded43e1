/** The routes about holds, what could not be counted and what waits, for the tests of access. */
import type { RouteCase } from './routes.js';

const RESERVATION = 'res_AAAAAAAAAAAAAAAAAAAAAA.entity1';
const NO_CONFLICT = `conflict_${'0'.repeat(64)}.nobody`;

export const METERING_ROUTES: readonly RouteCase[] = [
  {
    route: 'GET /v1/quota/reservations/{id}',
    role: 'gateway',
    alsoFor: ['finance'],
    request: `GET /v1/quota/reservations/${RESERVATION}`,
    namesEntity: true,
  },
  {
    route: 'POST /v1/quota/reservations/release',
    role: 'gateway',
    request: 'POST /v1/quota/reservations/release',
    body: { project: 'entity1/project1', request_id: 'r' },
    namesEntity: true,
  },
  {
    route: 'GET /v1/admin/entities/{entity}/holds',
    role: 'admin',
    request: 'GET /v1/admin/entities/entity1/holds',
    namesEntity: true,
  },
  {
    route: 'GET /v1/admin/dead_letters/{id}',
    role: 'admin',
    request: 'GET /v1/admin/dead_letters/dl_none',
  },
  {
    route: 'GET /v1/admin/usage_conflicts/{id}',
    role: 'admin',
    request: `GET /v1/admin/usage_conflicts/${NO_CONFLICT}`,
  },
  {
    route: 'POST /v1/admin/usage_conflicts/{id}/count',
    role: 'admin',
    request: `POST /v1/admin/usage_conflicts/${NO_CONFLICT}/count`,
    body: {},
  },
  { route: 'GET /v1/admin/queue', role: 'admin', request: 'GET /v1/admin/queue' },
];
