/** The limits of projects. They are part of the entity's quota state, so each change raises the entity's version. */
import { Injectable } from '@nestjs/common';
import { insertAuditEntry } from '../access/audit-log.js';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { Clock } from '../platform/clock.js';
import type { Tx } from '../platform/database.js';
import { bigintOrNull, decimalOrNull } from '../platform/decimal-column.js';
import type { Project } from '../platform/prisma/client.js';
import { Accounts } from './accounts.js';
import type { ProjectLimits, ProjectLimitsChange } from './limits.js';
import { presentProjectLimits } from './limits.presenter.js';

export type ProjectRow = ProjectLimits & { readonly entity: EntityName; readonly project: ProjectName };

@Injectable()
export class Projects {
  constructor(
    private readonly clock: Clock,
    private readonly accounts: Accounts,
  ) {}

  /** Sets limits of a project. An unknown project is created, and so is its entity. */
  async changeLimits(
    tx: Tx,
    order: { entity: EntityName; project: ProjectName; change: ProjectLimitsChange; actor: string },
  ): Promise<ProjectRow> {
    const { entity, project, change, actor } = order;
    const at = await this.clock.bookingTime(tx);
    await this.accounts.ensure(tx, [{ entity, project }], at);
    await this.accounts.lock(tx, [entity]);
    const where = { entity_name: { entity, name: project } };
    const before = toRow(await tx.project.findUniqueOrThrow({ where }));
    const after = toRow(await tx.project.update({ where, data: columnsOf(change) }));
    await this.accounts.raiseVersions(tx, [entity]);
    await insertAuditEntry(tx, {
      at,
      actor,
      entity,
      target: project,
      action: 'limits.change',
      before: presentProjectLimits(before),
      after: presentProjectLimits(after),
    });
    return after;
  }
}

function toRow(row: Project): ProjectRow {
  return {
    entity: row.entity as EntityName,
    project: row.name as ProjectName,
    monthlyCapPicos: bigintOrNull(row.monthlyCapPicos),
    maxConcurrentRequests: row.maxConcurrentRequests,
  };
}

function columnsOf({ monthlyCapPicos, maxConcurrentRequests }: ProjectLimitsChange) {
  return {
    maxConcurrentRequests,
    ...(monthlyCapPicos !== undefined && { monthlyCapPicos: decimalOrNull(monthlyCapPicos) }),
  };
}
