/** Admins: who changed what. */
import { Controller, Query } from '@nestjs/common';
import { unixSeconds } from '../domain/unix-time.js';
import { presentPage, unknownCursor } from '../http/list-page.js';
import { Route } from '../http/route.js';
import { Database } from '../platform/database.js';
import { findKeyNames } from './api-key-rows.js';
import { findAuditEntries, hasAuditEntry, type AuditFilter, type AuditRow } from './audit-log.js';
import * as schemas from './audit-log.schema.js';
import { Caller, scopeOf, type Principal } from './principal.js';
import { requireKnownWhereEmpty } from './known-entities.js';

@Controller()
export class AuditLogController {
  constructor(private readonly database: Database) {}

  @Route('GET /v1/admin/audit_log', {
    scope: 'all',
    role: 'admin',
    summary: 'List changes, newest first',
    answers: schemas.AuditList,
  })
  async audit(@Query({ schema: schemas.AuditQuery }) query: schemas.AuditQuery, @Caller() caller: Principal) {
    const { order, limit, after = null } = query;
    const filter = filterOf(query, scopeOf(caller, query));
    const { rows, names } = await this.database.reports.read(async (tx) => {
      if (after !== null && !(await hasAuditEntry(tx, filter, after))) throw unknownCursor();
      const found = await findAuditEntries(tx, filter, { order, after, limit: limit + 1 });
      await requireKnownWhereEmpty(tx, { entity: filter.entity, found });
      return {
        rows: found,
        names: await findKeyNames(
          tx,
          found.map(({ actor }) => actor),
        ),
      };
    });
    return presentPage(rows, {
      limit,
      idOf: (row) => String(row.id),
      present: (row) => presentAuditEntry(row, names.get(row.actor) ?? null),
    });
  }
}

function filterOf(query: schemas.AuditQuery, entity: string | null): AuditFilter {
  const { actor = null, action, target = null, start_time: from = null, end_time: to = null } = query;
  return { entity, actor, actions: action === undefined ? null : [action], target, from, to };
}

function presentAuditEntry(row: AuditRow, actorName: string | null): schemas.AuditEntry {
  const { actor, role, requestId, address, action, entity, target, before, after } = row;
  return {
    object: 'audit_entry',
    id: String(row.id),
    at: unixSeconds(row.at),
    actor,
    actor_name: actorName,
    role,
    request_id: requestId,
    address,
    action,
    entity,
    target,
    before,
    after,
  };
}
