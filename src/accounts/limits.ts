/** What an entity or a project may spend: plans and limits of their own. Every change is audited and raises a version. */
import { Injectable } from '@nestjs/common';
import { formatUsd } from '@tally/client/protocol';
import { assert, TallyError } from '../domain/errors.js';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { formatUsdOrNull } from '../domain/money.js';
import { Clock } from '../platform/clock.js';
import { Accounts } from './accounts.js';
import { insertAuditEntry } from '../access/audit-log.sql.js';
import { Database, type Tx } from '../platform/database.js';
import * as entities from './entities.sql.js';
import type { EntityChange, EntityRow, LimitsChange } from './entities.sql.js';
import * as plans from './plans.sql.js';
import type { PlanRow } from './plans.sql.js';
import { findProject, setProjectLimits, type ProjectLimitsChange, type ProjectRow } from './projects.sql.js';

/** What a new plan says where its maker says nothing: nothing is owed without somebody having allowed it. */
const NEW_PLAN = {
  monthlyCapPicos: null,
  yearlyCapPicos: null,
  overage: 'blocked',
  maxConcurrentRequests: null,
  monthlyCreditPicos: 0n,
} as const;

/** What is undefined stays as it is. */
export type PlanChange = LimitsChange & { readonly monthlyCreditPicos?: bigint | undefined };

@Injectable()
export class LimitsService {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
  ) {}

  async entity(entity: EntityName): Promise<EntityRow> {
    const row = await entities.findEntity(this.database.reader, entity);
    if (row === null) throw new TallyError('not_found', `no entity ${entity}`, { param: 'entity' });
    return row;
  }

  async entities(page: {
    only: EntityName | null;
    after: string | null;
    limit: number;
  }): Promise<EntityRow[]> {
    return entities.listEntities(this.database.reader, page);
  }

  async plan(name: string): Promise<PlanRow> {
    return required(await plans.findPlan(this.database.reader, name), name);
  }

  async plans(): Promise<PlanRow[]> {
    return plans.listPlans(this.database.reader);
  }

  /** Names of a page of the entities whose plan is `plan`: after a change of it, their quota states are published. */
  async entitiesOfPlan(page: { plan: string; after: string; limit: number }): Promise<EntityName[]> {
    return entities.listEntitiesOfPlan(this.database.reader, page);
  }

  /** Makes the entity, or moves it to another plan. Limits of its own stay. */
  async putEntity(tx: Tx, order: { entity: EntityName; plan: string; actor: string }): Promise<EntityRow> {
    const { entity, plan, actor } = order;
    const at = await this.clock.bookingTime(tx);
    const before = await this.lock(tx, entity, at);
    await plans.lockPlans(tx, [before.plan, plan]);
    required(await plans.findPlan(tx, plan), plan);
    await entities.setPlan(tx, { entity, plan });
    await insertAuditEntry(tx, {
      at,
      actor,
      entity,
      target: null,
      action: 'entities.put',
      before: { plan: before.plan },
      after: { plan },
    });
    return found(await entities.findEntity(tx, entity));
  }

  /** Sets limits of the entity's own; one that nobody created gets the default plan. */
  async changeEntity(
    tx: Tx,
    order: { entity: EntityName; change: EntityChange; actor: string },
  ): Promise<EntityRow> {
    const { entity, change, actor } = order;
    const at = await this.clock.bookingTime(tx);
    const before = await this.lock(tx, entity, at);
    await entities.setLimits(tx, entity, change);
    const after = found(await entities.findEntity(tx, entity));
    await insertAuditEntry(tx, {
      at,
      actor,
      entity,
      target: null,
      action: 'limits.change',
      before: auditOfEntity(before),
      after: auditOfEntity(after),
    });
    return after;
  }

  async changeProject(
    tx: Tx,
    order: { entity: EntityName; project: ProjectName; change: ProjectLimitsChange; actor: string },
  ): Promise<ProjectRow> {
    const { entity, project, change, actor } = order;
    const at = await this.clock.bookingTime(tx);
    await this.accounts.ensure(tx, [{ entity, project }], at);
    await this.accounts.lock(tx, [entity]);
    const before = found(await findProject(tx, { entity, project }));
    await setProjectLimits(tx, { entity, project }, change);
    await this.accounts.raiseVersions(tx, [entity]);
    const after = found(await findProject(tx, { entity, project }));
    await insertAuditEntry(tx, {
      at,
      actor,
      entity,
      target: project,
      action: 'limits.change',
      before: auditOfProject(before),
      after: auditOfProject(after),
    });
    return after;
  }

  async putPlan(tx: Tx, order: { plan: string; change: PlanChange; actor: string }): Promise<PlanRow> {
    const at = await this.clock.bookingTime(tx);
    await plans.lockPlanChanges(tx);
    const before = await plans.findPlan(tx, order.plan);
    const after = { ...NEW_PLAN, ...before, ...givenOf(order.change), name: order.plan };
    await plans.putPlan(tx, after);
    await insertAuditEntry(tx, {
      at,
      actor: order.actor,
      entity: null,
      target: order.plan,
      action: 'plans.put',
      before: before === null ? null : auditOfPlan(before),
      after: auditOfPlan(after),
    });
    return after;
  }

  /** What is read after the lock is what the change changes. */
  private async lock(tx: Tx, entity: EntityName, at: Date): Promise<EntityRow> {
    await this.accounts.ensureEntity(tx, entity, at);
    await this.accounts.lock(tx, [entity]);
    return found(await entities.findEntity(tx, entity));
  }
}

function required(plan: PlanRow | null, name: string): PlanRow {
  if (plan === null) throw new TallyError('not_found', `no plan ${name}`, { param: 'plan' });
  return plan;
}

function found<T>(row: T | null): T {
  assert(row !== null, 'a row that this transaction has made is there');
  return row;
}

/** A spread would overwrite with undefined. */
function givenOf(change: PlanChange): Partial<PlanRow> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}

type Limits = Pick<EntityRow, 'monthlyCapPicos' | 'yearlyCapPicos' | 'overage' | 'maxConcurrentRequests'>;

function auditOfLimits(limits: Limits): Record<string, unknown> {
  return {
    monthly_cap_usd: formatUsdOrNull(limits.monthlyCapPicos),
    yearly_cap_usd: formatUsdOrNull(limits.yearlyCapPicos),
    overage: limits.overage,
    max_concurrent_requests: limits.maxConcurrentRequests,
  };
}

function auditOfEntity(entity: EntityRow): Record<string, unknown> {
  return { ...auditOfLimits(entity), quota_mode: entity.quotaMode };
}

function auditOfPlan(plan: PlanRow): Record<string, unknown> {
  return { ...auditOfLimits(plan), monthly_credit_usd: formatUsd(plan.monthlyCreditPicos) };
}

function auditOfProject(project: ProjectRow): Record<string, unknown> {
  return {
    monthly_cap_usd: formatUsdOrNull(project.monthlyCapPicos),
    max_concurrent_requests: project.maxConcurrentRequests,
  };
}
