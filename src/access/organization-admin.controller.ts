/** The keys and the audit log of an organization as OpenAI's client reads them. Its admin keys are those of its owners. */
import { Controller, Param, Query } from '@nestjs/common';
import type { EntityName } from '../domain/ids.js';
import { unixSeconds, unixSecondsOrNull } from '../domain/unix-time.js';
import { presentPage, unknownCursor } from '../http/list-page.js';
import { Route } from '../http/route.js';
import { Database } from '../platform/database.js';
import type { StoredKey } from './api-key-rows.js';
import { findAuditEntries, hasAuditEntry, type AuditFilter, type AuditRow } from './audit-log.js';
import { ManagedKeys } from './managed-keys.js';
import { Organization, ORGANIZATION_HEADERS } from './organization.js';
import * as schemas from './organization-admin.schema.js';
import { requireKnown } from './known-entities.js';

const READ = { scope: 'own', role: 'admin', alsoFor: ['owner'], headers: ORGANIZATION_HEADERS } as const;

@Controller()
export class OrganizationAdminController {
  constructor(
    private readonly managed: ManagedKeys,
    private readonly database: Database,
  ) {}

  @Route('GET /v1/organization/admin_api_keys', {
    ...READ,
    summary: "List the organization's admin keys: those of its owners, newest first",
    answers: schemas.AdminApiKeyList,
  })
  async keys(
    @Organization() entity: EntityName,
    @Query({ schema: schemas.AdminKeyPage }) page: schemas.AdminKeyPage,
  ) {
    const { order, limit, after = null } = page;
    await requireKnown(this.database.reader, entity);
    const filter = { ...ownersOf(entity), state: 'active' } as const;
    const rows = await this.managed.list(filter, { order, after, limit: limit + 1 });
    return presentPage(rows, { limit, idOf: ({ id }) => id, present: presentAdminKey });
  }

  @Route('GET /v1/organization/admin_api_keys/:key', {
    ...READ,
    summary: "Get one of the organization's admin keys",
    answers: schemas.AdminApiKey,
  })
  async key(
    @Organization() entity: EntityName,
    @Param({ schema: schemas.AdminKeyPath }) { key }: { key: string },
  ) {
    await requireKnown(this.database.reader, entity);
    return presentAdminKey(await this.managed.find(key, ownersOf(entity)));
  }

  @Route('GET /v1/organization/audit_logs', {
    ...READ,
    summary: "List the changes of the organization's limits, alerts, credits and keys, newest first",
    answers: schemas.OrganizationAuditLogs,
  })
  async audit(
    @Organization() entity: EntityName,
    @Query({ schema: schemas.AuditLogsQuery }) query: schemas.AuditLogsQuery,
  ) {
    const {
      order,
      limit,
      after = null,
      'effective_at[gte]': from = null,
      'effective_at[lt]': to = null,
    } = query;
    const filter: AuditFilter = { entity, actor: null, actions: null, target: null, from, to };
    const rows = await this.database.reports.read(async (tx) => {
      if (after !== null && !(await hasAuditEntry(tx, filter, after))) throw unknownCursor();
      await requireKnown(tx, entity);
      return findAuditEntries(tx, filter, { order, after, limit: limit + 1 });
    });
    return presentPage(rows, { limit, idOf: ({ id }) => String(id), present: presentAuditLog });
  }
}

function ownersOf(entity: EntityName) {
  return { entity, roles: ['owner'] } as const;
}

function presentAdminKey({ id, name, createdAt, expiresAt, lastUsedAt }: StoredKey): schemas.AdminApiKey {
  const created_at = unixSeconds(createdAt);
  return {
    object: 'organization.admin_api_key',
    id,
    name,
    redacted_value: 'sk-tally-…',
    created_at,
    expires_at: unixSecondsOrNull(expiresAt),
    last_used_at: unixSecondsOrNull(lastUsedAt),
    owner: {
      type: 'service_account',
      object: 'organization.service_account',
      id,
      name,
      created_at,
      role: 'owner',
    },
  };
}

/** Without the request's id and the address, because the actor may be an admin of the provider. */
function presentAuditLog({
  id,
  at,
  actor,
  action,
  target,
  before,
  after,
}: AuditRow): schemas.OrganizationAuditLog {
  return {
    object: 'organization.audit_log',
    id: String(id),
    type: action,
    effective_at: unixSeconds(at),
    actor: { type: 'api_key', api_key: { id: actor, type: 'service_account' } },
    target,
    before,
    after,
  };
}
