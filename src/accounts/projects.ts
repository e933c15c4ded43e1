/** The limits of projects. They are part of the entity's quota state, so each change raises the entity's version. */
import { Injectable } from '@nestjs/common';
import { insertAuditEntry } from '../access/audit-log.js';
import { TallyError } from '../domain/errors.js';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { formatUsdOrNull } from '../domain/money.js';
import { behind, type Order as ListOrder } from '../http/list-order.js';
import { cursorRow } from '../http/list-page.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { bigintOrNull, decimalOrNull } from '../platform/decimal-column.js';
import type { Prisma, Project } from '../platform/prisma/client.js';
import { Accounts } from './accounts.js';
import type { Expectation } from './entities.js';
import { projectColumns, type ProjectLimits, type ProjectLimitsChange } from './limits.js';
import { presentProjectLimits } from './limits.presenter.js';

export type ProjectRow = ProjectLimits & {
  readonly entity: EntityName;
  readonly project: ProjectName;
  /** What the customer has set for itself, beside the cap: the lower one counts. */
  readonly spendLimitPicos: bigint | null;
  readonly createdAt: Date;
};

type Of = { readonly entity: EntityName; readonly project: ProjectName };
type Order = Of & { readonly actor: string; readonly expected: Expectation<ProjectRow> };

@Injectable()
export class Projects {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
  ) {}

  /** Throws `not_found`. With a transaction, it sees that transaction's changes. */
  async find(of: Of, tx: Tx = this.database.reader): Promise<ProjectRow> {
    const row = await read(tx, of);
    if (row !== null) return row;
    await this.accounts.require(tx, of.entity);
    throw noProject(of.project);
  }

  /**
   * A page of the entity's projects by name; `after` is the last name of the previous page. Throws `not_found` for an unknown entity, and
   * `invalid_request` where it has no project of that name.
   */
  async page(
    of: { entity: EntityName; order: ListOrder; after: string | null; limit: number },
    tx: Tx = this.database.reader,
  ): Promise<ProjectRow[]> {
    const { entity } = of;
    await this.accounts.require(tx, entity);
    const last = await cursorRow(of.after, (name) => tx.project.findFirst({ where: { entity, name } }));
    const rows = await tx.project.findMany({
      where: { entity, name: behind(last?.name, of.order) },
      orderBy: { name: of.order },
      take: of.limit,
    });
    return rows.map(toRow);
  }

  /** Creates the project of an entity that exists, or changes its limits. */
  async put(tx: Tx, order: Order & { change: ProjectLimitsChange }): Promise<ProjectRow> {
    const found = await this.locked(tx, order);
    order.expected(found);
    const before = found ?? (await this.create(tx, order));
    return this.update(tx, before, {
      data: projectColumns(order.change),
      audit: { actor: order.actor, action: 'projects.put' },
    });
  }

  /** Sets or removes limits of a project. Throws `not_found`. */
  async changeLimits(tx: Tx, order: Order & { change: ProjectLimitsChange }): Promise<ProjectRow> {
    const before = (await this.locked(tx, order)) ?? missing(order);
    order.expected(before);
    return this.update(tx, before, {
      data: projectColumns(order.change),
      audit: { actor: order.actor, action: 'limits.change' },
    });
  }

  /** Sets or removes the customer's own spend limit, whatever an admin has set. Throws `not_found`. */
  async setSpendLimit(tx: Tx, order: Order & { spendLimitPicos: bigint | null }): Promise<ProjectRow> {
    const before = (await this.locked(tx, order)) ?? missing(order);
    order.expected(before);
    return this.update(tx, before, {
      data: { spendLimitPicos: decimalOrNull(order.spendLimitPicos) },
      audit: { actor: order.actor, action: 'spend_limit.change' },
    });
  }

  /**
   * Creates the project of an entity that exists where it does not exist yet. Throws `conflict` where that has so many; null is no bound.
   */
  async ensure(tx: Tx, of: Of, { projectsMax }: { projectsMax: number | null }): Promise<void> {
    if ((await this.locked(tx, of)) !== null) return;
    const count = projectsMax === null ? 0 : await tx.project.count({ where: { entity: of.entity } });
    if (projectsMax !== null && count >= projectsMax)
      throw new TallyError(
        'conflict',
        `the entity has ${projectsMax} projects, which is the most: setting a limit creates no further one`,
      );
    await this.create(tx, of);
  }

  /** Locks the entity, which must exist, and reads the project. */
  private async locked(tx: Tx, of: Of): Promise<ProjectRow | null> {
    await this.accounts.lock(tx, [of.entity]);
    await this.accounts.require(tx, of.entity);
    return read(tx, of);
  }

  private async create(tx: Tx, { entity, project }: Of): Promise<ProjectRow> {
    const createdAt = await this.clock.bookingTime(tx);
    return toRow(await tx.project.create({ data: { entity, name: project, createdAt } }));
  }

  private async update(
    tx: Tx,
    before: ProjectRow,
    { data, audit }: { data: Prisma.ProjectUpdateInput; audit: { actor: string; action: string } },
  ): Promise<ProjectRow> {
    const { entity, project } = before;
    const at = await this.clock.bookingTime(tx);
    const where = { entity_name: { entity, name: project } };
    const after = toRow(await tx.project.update({ where, data }));
    await this.accounts.raiseVersions(tx, [entity]);
    await insertAuditEntry(tx, {
      at,
      ...audit,
      entity,
      target: project,
      before: auditOf(before),
      after: auditOf(after),
    });
    return after;
  }
}

async function read(tx: Tx, { entity, project }: Of): Promise<ProjectRow | null> {
  const row = await tx.project.findUnique({ where: { entity_name: { entity, name: project } } });
  return row === null ? null : toRow(row);
}

function noProject(project: string): TallyError {
  return new TallyError('not_found', `no project ${project}`, { param: 'project' });
}

function missing({ project }: Of): never {
  throw noProject(project);
}

function toRow(row: Project): ProjectRow {
  return {
    entity: row.entity as EntityName,
    project: row.name as ProjectName,
    monthlyCapPicos: bigintOrNull(row.monthlyCapPicos),
    maxConcurrentRequests: row.maxConcurrentRequests,
    spendLimitPicos: bigintOrNull(row.spendLimitPicos),
    createdAt: row.createdAt,
  };
}

function auditOf(project: ProjectRow): Record<string, unknown> {
  return { ...presentProjectLimits(project), spend_limit_usd: formatUsdOrNull(project.spendLimitPicos) };
}
