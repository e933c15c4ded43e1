/** Entities: who pays, on which plan, within which limits. Every change is audited and raises the entity's version. */
import { Injectable } from '@nestjs/common';
import { insertAuditEntry } from '../access/audit-log.js';
import { TallyError } from '../domain/errors.js';
import type { EntityName } from '../domain/ids.js';
import type { QuotaMode } from '../domain/quota-limits.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import type { Prisma } from '../platform/prisma/client.js';
import { Accounts } from './accounts.js';
import {
  entityColumns,
  limitsOfEntity,
  ownLimitsOf,
  type LimitName,
  type Limits,
  type LimitsChange,
} from './limits.js';
import { presentLimits } from './limits.presenter.js';
import { Plans } from './plans.js';
import { lockPlans, moveToPlan } from './plans.sql.js';

/** With the limits in force. */
export type EntityRow = Limits & {
  readonly entity: EntityName;
  readonly plan: string;
  readonly quotaMode: QuotaMode;
  readonly ownLimits: readonly LimitName[];
  readonly createdAt: Date;
};

/** Limits and the quota mode, which no plan has. What is undefined stays as it is. */
export type EntityChange = LimitsChange & { readonly quotaMode?: QuotaMode | undefined };

const WITH_PLAN = { plan: true } as const;

@Injectable()
export class Entities {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
    private readonly plans: Plans,
  ) {}

  async find(entity: EntityName): Promise<EntityRow> {
    const where = { name: entity };
    const row = await this.database.reader.entity.findUnique({ where, include: WITH_PLAN });
    if (row === null) throw new TallyError('not_found', `no entity ${entity}`, { param: 'entity' });
    return toRow(row);
  }

  /** A page by name. `only` restricts it to one entity; `after` is the last name of the previous page. */
  async page(of: { only: EntityName | null; after: string | null; limit: number }): Promise<EntityRow[]> {
    const rows = await this.database.reader.entity.findMany({
      where: { name: { equals: of.only ?? undefined, gt: of.after ?? undefined } },
      include: WITH_PLAN,
      orderBy: { name: 'asc' },
      take: of.limit,
    });
    return rows.map(toRow);
  }

  /** A page of the names of a plan's entities. When the plan changes, their quota states are published. */
  async namesOfPlan(page: { plan: string; after: string; limit: number }): Promise<EntityName[]> {
    const rows = await this.database.reader.entity.findMany({
      where: { planName: page.plan, name: { gt: page.after } },
      select: { name: true },
      orderBy: { name: 'asc' },
      take: page.limit,
    });
    return rows.map(({ name }) => name as EntityName);
  }

  /** Creates the entity, or moves it to another plan. Its own limits stay. */
  async put(tx: Tx, order: { entity: EntityName; plan: string; actor: string }): Promise<EntityRow> {
    const { entity, plan, actor } = order;
    const at = await this.clock.bookingTime(tx);
    const before = await this.lock(tx, entity, at);
    await lockPlans(tx, [before.plan, plan]);
    await this.plans.find(plan, tx);
    await moveToPlan(tx, { entity, plan });
    await insertAuditEntry(tx, {
      at,
      actor,
      entity,
      target: null,
      action: 'entities.put',
      before: { plan: before.plan },
      after: { plan },
    });
    return read(tx, entity);
  }

  /** Sets limits of the entity's own. An unknown entity is created on the default plan. */
  async changeLimits(
    tx: Tx,
    order: { entity: EntityName; change: EntityChange; actor: string },
  ): Promise<EntityRow> {
    const { entity, change, actor } = order;
    const at = await this.clock.bookingTime(tx);
    const before = await this.lock(tx, entity, at);
    await tx.entity.update({
      where: { name: entity },
      data: { ...entityColumns(change), quotaMode: change.quotaMode, version: { increment: 1 } },
    });
    const after = await read(tx, entity);
    await insertAuditEntry(tx, {
      at,
      actor,
      entity,
      target: null,
      action: 'limits.change',
      before: auditOf(before),
      after: auditOf(after),
    });
    return after;
  }

  /** Reads the entity after locking it, so that nothing changes between what is read and what is written. */
  private async lock(tx: Tx, entity: EntityName, at: Date): Promise<EntityRow> {
    await this.accounts.ensureEntity(tx, entity, at);
    await this.accounts.lock(tx, [entity]);
    return read(tx, entity);
  }
}

/** For an entity that this transaction has locked, so it exists. */
async function read(tx: Tx, entity: EntityName): Promise<EntityRow> {
  return toRow(await tx.entity.findUniqueOrThrow({ where: { name: entity }, include: WITH_PLAN }));
}

function toRow(row: Prisma.EntityGetPayload<{ include: typeof WITH_PLAN }>): EntityRow {
  return {
    entity: row.name as EntityName,
    plan: row.planName,
    ...limitsOfEntity(row, row.plan),
    quotaMode: row.quotaMode as QuotaMode,
    ownLimits: ownLimitsOf(row),
    createdAt: row.createdAt,
  };
}

function auditOf(entity: EntityRow): Record<string, unknown> {
  return { ...presentLimits(entity), quota_mode: entity.quotaMode };
}
