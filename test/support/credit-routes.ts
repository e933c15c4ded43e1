/** The routes of credits, for the tests of access. */
import type { RouteCase } from './routes.js';

export const CREDIT_ROUTES: readonly RouteCase[] = [
  {
    route: 'POST /v1/admin/entities/{entity}/credits',
    role: 'admin',
    request: 'POST /v1/admin/entities/entity1/credits',
    body: { amount_usd: '1' },
    namesEntity: true,
  },
  {
    route: 'GET /v1/admin/entities/{entity}/credits/{grant}',
    role: 'admin',
    request: 'GET /v1/admin/entities/entity1/credits/grant_none',
    namesEntity: true,
  },
  ...(['freeze', 'unfreeze'] as const).map((what) => ({
    route: `POST /v1/admin/entities/{entity}/credits/{grant}/${what}`,
    role: 'admin' as const,
    request: `POST /v1/admin/entities/entity1/credits/grant_none/${what}`,
    body: { reason: 'test' },
    namesEntity: true as const,
  })),
  {
    route: 'GET /v1/admin/entities/{entity}/ledger/{entry}',
    role: 'admin',
    request: 'GET /v1/admin/entities/entity1/ledger/1',
    namesEntity: true,
  },
  {
    route: 'GET /v1/admin/entities/{entity}/credits',
    role: 'admin',
    request: 'GET /v1/admin/entities/entity1/credits',
    namesEntity: true,
  },
  {
    route: 'POST /v1/admin/entities/{entity}/credits/{grant}/void',
    role: 'admin',
    request: 'POST /v1/admin/entities/entity1/credits/grant_none/void',
    body: { reason: 'test' },
    namesEntity: true,
  },
  {
    route: 'GET /v1/admin/entities/{entity}/ledger',
    role: 'admin',
    request: 'GET /v1/admin/entities/entity1/ledger',
    namesEntity: true,
  },
];
