/** The routes of accounts, for the tests of access. */
import type { RouteCase } from './routes.js';

export const ACCOUNT_ROUTES: readonly RouteCase[] = [
  { route: 'GET /v1/admin/entities', role: 'admin', request: 'GET /v1/admin/entities' },
  {
    route: 'GET /v1/admin/entities/{entity}',
    role: 'admin',
    request: 'GET /v1/admin/entities/entity1',
    namesEntity: true,
  },
  {
    route: 'PUT /v1/admin/entities/{entity}',
    role: 'admin',
    request: 'PUT /v1/admin/entities/entity1',
    body: { plan: 'pro' },
    namesEntity: true,
  },
  {
    route: 'DELETE /v1/admin/entities/{entity}',
    role: 'admin',
    request: 'DELETE /v1/admin/entities/entity1?dry_run=true',
    namesEntity: true,
  },
  {
    route: 'GET /v1/admin/entities/{entity}/limits',
    role: 'admin',
    request: 'GET /v1/admin/entities/entity1/limits',
    namesEntity: true,
  },
  {
    route: 'GET /v1/admin/entities/{entity}/projects',
    role: 'admin',
    request: 'GET /v1/admin/entities/entity1/projects',
    namesEntity: true,
  },
  {
    route: 'PUT /v1/admin/entities/{entity}/projects/{project}',
    role: 'admin',
    request: 'PUT /v1/admin/entities/entity1/projects/project1',
    body: {},
    namesEntity: true,
  },
  {
    route: 'GET /v1/admin/entities/{entity}/projects/{project}/limits',
    role: 'admin',
    request: 'GET /v1/admin/entities/entity1/projects/project1/limits',
    namesEntity: true,
  },
  {
    route: 'PATCH /v1/admin/entities/{entity}/limits',
    role: 'admin',
    request: 'PATCH /v1/admin/entities/entity1/limits',
    body: {},
    namesEntity: true,
  },
  {
    route: 'PATCH /v1/admin/entities/{entity}/projects/{project}/limits',
    role: 'admin',
    request: 'PATCH /v1/admin/entities/entity1/projects/project1/limits',
    body: {},
    namesEntity: true,
  },
  { route: 'GET /v1/admin/plans', role: 'admin', request: 'GET /v1/admin/plans' },
  { route: 'GET /v1/admin/plans/{plan}', role: 'admin', request: 'GET /v1/admin/plans/free' },
  {
    route: 'PUT /v1/admin/plans/{plan}',
    role: 'admin',
    request: 'PUT /v1/admin/plans/test',
    body: {},
  },
  {
    route: 'GET /v1/entities/{entity}/denials',
    role: 'finance',
    request: 'GET /v1/entities/entity1/denials',
    namesEntity: true,
  },
];
