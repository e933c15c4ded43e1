/** Admins: who changed what. */
import { Controller, Query } from '@nestjs/common';
import { unixSeconds } from '../domain/unix-time.js';
import { presentPage } from '../http/list-page.js';
import { Route } from '../http/route.js';
import { Database } from '../platform/database.js';
import { findAuditEntries, type AuditRow } from './audit-log.js';
import * as schemas from './audit-log.schema.js';
import { Caller, scopeOf, type Principal } from './principal.js';

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
    const { limit, after: before = null } = query;
    const page = { entity: scopeOf(caller, query), before, limit: limit + 1 };
    const rows = await findAuditEntries(this.database.reader, page);
    return presentPage(rows, { limit, idOf: (row) => String(row.id), present: presentAuditEntry });
  }
}

function presentAuditEntry(row: AuditRow): schemas.AuditEntry {
  const { actor, action, entity, target, before, after } = row;
  return {
    object: 'audit_entry',
    id: String(row.id),
    at: unixSeconds(row.at),
    actor,
    action,
    entity,
    target,
    before,
    after,
  };
}
