/** Every route that a key opens, with a request to it: what the tests of access go through. */
import type { KeyRole } from '../../src/domain/key-roles.js';
import { ACCOUNT_ROUTES } from './account-routes.js';
import { LLAMA } from './builders.js';
import { CREDIT_ROUTES } from './credit-routes.js';
import { FINANCE_ROUTES } from './finance-routes.js';
import { METERING_ROUTES } from './metering-routes.js';
import { OPERATOR_ROUTES } from './operator-routes.js';

export type RouteCase = {
  /** As the OpenAPI document writes it. */
  readonly route: string;
  readonly role: KeyRole | 'anyone';
  /** Other roles that it is open to. */
  readonly alsoFor?: readonly KeyRole[];
  /** `entity1` is the caller's own entity, where the request names one. */
  readonly request: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** The request names `entity1`, so that a key bound to another one gets a 403. */
  readonly namesEntity?: true;
  /** It concerns all entities, so that a bound key gets a 403. */
  readonly ofAll?: true;
};

const RESERVATION = 'res_AAAAAAAAAAAAAAAAAAAAAA.entity1';
const LEASE = 'lease_AAAAAAAAAAAAAAAAAAAAAA.entity1';
const NO_AMOUNTS = { outstanding_usd: '0', free_usd: '0', wanted_usd: '1' };
const PRICE = { model: 'm', entity: 'entity1', input_usd_per_million: '1', output_usd_per_million: '1' };

export const ROUTES: readonly RouteCase[] = [
  { route: 'GET /livez', role: 'anyone', request: 'GET /livez' },
  { route: 'GET /readyz', role: 'anyone', request: 'GET /readyz' },
  {
    route: 'GET /metrics',
    role: 'finance',
    alsoFor: ['gateway'],
    ofAll: true,
    request: 'GET /metrics',
  },
  {
    route: 'POST /v1/quota/reservations',
    role: 'gateway',
    request: 'POST /v1/quota/reservations',
    body: { project: 'entity1/project1', model: LLAMA },
    namesEntity: true,
  },
  {
    route: 'POST /v1/quota/reservations/{id}/release',
    role: 'gateway',
    request: `POST /v1/quota/reservations/${RESERVATION}/release`,
    namesEntity: true,
  },
  {
    route: 'POST /v1/quota/reservations/{id}/extend',
    role: 'gateway',
    request: `POST /v1/quota/reservations/${RESERVATION}/extend`,
    body: { ttl_seconds: 60 },
    namesEntity: true,
  },
  {
    route: 'POST /v1/quota/leases',
    role: 'gateway',
    request: 'POST /v1/quota/leases',
    body: { lease_id: LEASE, sequence: 1, project: 'entity1/project1', ...NO_AMOUNTS },
    namesEntity: true,
  },
  {
    route: 'POST /v1/quota/leases/{id}/release',
    role: 'gateway',
    request: `POST /v1/quota/leases/${LEASE}/release`,
    body: { project: 'entity1/project1' },
    namesEntity: true,
  },
  {
    route: 'GET /v1/quota/check',
    role: 'gateway',
    request: 'GET /v1/quota/check',
    headers: { 'openai-project': 'entity1/project1' },
    namesEntity: true,
  },
  {
    route: 'GET /v1/quota/decisions/{id}',
    role: 'gateway',
    alsoFor: ['finance'],
    request: 'GET /v1/quota/decisions/dec_00000AAAAAAAAAAAAAAAA.entity1',
    namesEntity: true,
  },
  { route: 'POST /v1/usage/events', role: 'gateway', request: 'POST /v1/usage/events', body: {} },
  { route: 'POST /v1/usage/litellm', role: 'gateway', request: 'POST /v1/usage/litellm', body: {} },
  ...FINANCE_ROUTES,
  {
    route: 'GET /v1/entities/{entity}/balance',
    role: 'finance',
    request: 'GET /v1/entities/entity1/balance',
    namesEntity: true,
  },
  {
    route: 'GET /v1/entities/{entity}/usage',
    role: 'finance',
    request: 'GET /v1/entities/entity1/usage',
    namesEntity: true,
  },
  { route: 'GET /v1/entities', role: 'finance', request: 'GET /v1/entities' },
  {
    route: 'GET /v1/entities/{entity}/activity',
    role: 'finance',
    request: 'GET /v1/entities/entity1/activity',
    namesEntity: true,
  },
  {
    route: 'GET /v1/entities/{entity}/statements/{period}',
    role: 'finance',
    request: 'GET /v1/entities/entity1/statements/2026-11',
    namesEntity: true,
  },
  {
    route: 'GET /v1/entities/{entity}/events',
    role: 'finance',
    request: 'GET /v1/entities/entity1/events',
    namesEntity: true,
  },
  {
    route: 'GET /v1/exports/focus.csv',
    role: 'finance',
    request: 'GET /v1/exports/focus.csv?period=2026-11&entity=entity1',
    namesEntity: true,
  },
  ...ACCOUNT_ROUTES,
  ...CREDIT_ROUTES,
  {
    route: 'GET /v1/admin/prices',
    role: 'admin',
    request: 'GET /v1/admin/prices?entity=entity1',
    namesEntity: true,
  },
  { route: 'GET /v1/admin/prices/unpriced', role: 'admin', request: 'GET /v1/admin/prices/unpriced' },
  {
    route: 'POST /v1/admin/prices',
    role: 'admin',
    request: 'POST /v1/admin/prices',
    body: PRICE,
    namesEntity: true,
  },
  {
    route: 'POST /v1/admin/prices/import',
    role: 'admin',
    request: 'POST /v1/admin/prices/import?dry_run=true',
    body: {},
  },
  {
    route: 'POST /v1/admin/prices/rerate',
    role: 'admin',
    request: 'POST /v1/admin/prices/rerate?dry_run=true',
    body: { model: 'm', from: '2026-11-01', to: '2026-12-01', entity: 'entity1', reason: 'test' },
    namesEntity: true,
  },
  {
    route: 'POST /v1/admin/usage_events/{source}/{id}/void',
    role: 'admin',
    request: 'POST /v1/admin/usage_events/%2Fgateways%2Fnone/none/void',
    body: { reason: 'test' },
  },
  {
    route: 'GET /v1/admin/usage_corrections',
    role: 'admin',
    request: 'GET /v1/admin/usage_corrections?entity=entity1&period=2026-11',
    namesEntity: true,
  },
  {
    route: 'POST /v1/admin/reconciliation/repair',
    role: 'admin',
    request: 'POST /v1/admin/reconciliation/repair?dry_run=true',
    body: { entity: 'entity1' },
    namesEntity: true,
  },
  {
    route: 'POST /v1/admin/keys',
    role: 'admin',
    alsoFor: ['owner'],
    request: 'POST /v1/admin/keys',
    body: { name: 'k', role: 'finance', entity: 'entity1' },
    namesEntity: true,
  },
  { route: 'GET /v1/admin/keys', role: 'admin', alsoFor: ['owner'], request: 'GET /v1/admin/keys' },
  {
    route: 'GET /v1/admin/keys/{id}',
    role: 'admin',
    alsoFor: ['owner'],
    request: 'GET /v1/admin/keys/key_none',
  },
  {
    route: 'PATCH /v1/admin/keys/{id}',
    role: 'admin',
    alsoFor: ['owner'],
    request: 'PATCH /v1/admin/keys/key_none',
    body: { name: 'another' },
  },
  {
    route: 'POST /v1/admin/keys/{id}/rotate',
    role: 'admin',
    alsoFor: ['owner'],
    request: 'POST /v1/admin/keys/key_none/rotate',
    body: { overlap_seconds: 0 },
  },
  {
    route: 'DELETE /v1/admin/keys/{id}',
    role: 'admin',
    alsoFor: ['owner'],
    request: 'DELETE /v1/admin/keys/key_none',
  },
  {
    route: 'GET /v1/admin/dead_letters',
    role: 'admin',
    request: 'GET /v1/admin/dead_letters?entity=entity1',
    namesEntity: true,
  },
  {
    route: 'POST /v1/admin/dead_letters/replay',
    role: 'admin',
    request: 'POST /v1/admin/dead_letters/replay',
    body: { entity: 'entity1' },
    namesEntity: true,
  },
  {
    route: 'POST /v1/admin/dead_letters/discard',
    role: 'admin',
    request: 'POST /v1/admin/dead_letters/discard',
    body: { subject: 'entity1/project1' },
    namesEntity: true,
  },
  {
    route: 'POST /v1/admin/dead_letters/{id}/replay',
    role: 'admin',
    request: 'POST /v1/admin/dead_letters/dl_none/replay',
  },
  {
    route: 'POST /v1/admin/dead_letters/{id}/discard',
    role: 'admin',
    request: 'POST /v1/admin/dead_letters/dl_none/discard',
  },
  {
    route: 'GET /v1/admin/usage_conflicts',
    role: 'admin',
    request: 'GET /v1/admin/usage_conflicts?entity=entity1',
    namesEntity: true,
  },
  {
    route: 'GET /v1/admin/usage_conflicts/{id}',
    role: 'admin',
    request: `GET /v1/admin/usage_conflicts/conflict_${'0'.repeat(64)}.nobody`,
  },
  {
    route: 'POST /v1/admin/usage_conflicts/{id}/count',
    role: 'admin',
    request: `POST /v1/admin/usage_conflicts/conflict_${'0'.repeat(64)}.nobody/count`,
    body: {},
  },
  {
    route: 'POST /v1/admin/usage_conflicts/{id}/review',
    role: 'admin',
    request: `POST /v1/admin/usage_conflicts/conflict_${'0'.repeat(64)}.nobody/review`,
    body: {},
  },
  {
    route: 'GET /v1/admin/entities/{entity}/holds',
    role: 'admin',
    request: 'GET /v1/admin/entities/entity1/holds',
    namesEntity: true,
  },
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
    body: { project: 'entity1/project1', request_id: 'req_none' },
    namesEntity: true,
  },
  {
    route: 'GET /v1/admin/chains',
    role: 'admin',
    request: 'GET /v1/admin/chains',
  },
  {
    route: 'GET /v1/admin/audit_log',
    role: 'admin',
    request: 'GET /v1/admin/audit_log?entity=entity1',
    namesEntity: true,
  },
  ...METERING_ROUTES,
  ...OPERATOR_ROUTES,
];
