/** The routes of those who run Tally: the books, long work, persons and retention. */
import type { RouteCase } from './routes.js';

export const OPERATOR_ROUTES: readonly RouteCase[] = [
  {
    route: 'GET /v1/admin/reconciliation',
    role: 'admin',
    request: 'GET /v1/admin/reconciliation',
  },
  { route: 'GET /v1/admin/jobs', role: 'admin', request: 'GET /v1/admin/jobs' },
  {
    route: 'GET /v1/admin/jobs/{id}',
    role: 'admin',
    request: 'GET /v1/admin/jobs/job_none',
  },
  {
    route: 'POST /v1/admin/entities/{entity}/erase',
    role: 'admin',
    request: 'POST /v1/admin/entities/entity1/erase',
    body: { user_id: 'nobody' },
    namesEntity: true,
  },
  {
    route: 'GET /v1/admin/settings/retention',
    role: 'admin',
    request: 'GET /v1/admin/settings/retention',
  },
  {
    route: 'GET /v1/admin/settings/retention/event_months',
    role: 'admin',
    request: 'GET /v1/admin/settings/retention/event_months',
  },
  {
    route: 'PUT /v1/admin/settings/retention',
    role: 'admin',
    request: 'PUT /v1/admin/settings/retention',
    body: {},
  },
  { route: 'GET /v1/admin/inbox', role: 'admin', request: 'GET /v1/admin/inbox' },
  { route: 'GET /v1/admin/prices/{id}', role: 'admin', request: 'GET /v1/admin/prices/0' },
  {
    route: 'GET /v1/admin/usage_corrections/{id}',
    role: 'admin',
    request: 'GET /v1/admin/usage_corrections/none',
  },
];
