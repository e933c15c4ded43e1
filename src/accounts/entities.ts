/** Entities: who pays, on which plan, within which limits. Every change is audited and raises the entity's version. */
import { Injectable } from '@nestjs/common';
import { insertAuditEntry } from '../access/audit-log.js';
import { TallyError } from '../domain/errors.js';
import type { EntityName } from '../domain/ids.js';
import { formatUsdOrNull } from '../domain/money.js';
import type { QuotaMode } from '../domain/quota-limits.js';
import { behind, type Order } from '../http/list-order.js';
import { cursorRow } from '../http/list-page.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { bigintOrNull, decimalOrNull } from '../platform/decimal-column.js';
import type { Prisma } from '../platform/prisma/client.js';
import { Accounts } from './accounts.js';
import { noEntity } from '../access/known-entities.js';
import {
  entityColumns,
  limitsOfEntity,
  ownLimitsOf,
  type LimitName,
  type Limits,
  type OwnLimitsChange,
} from './limits.js';
import { FIELD_OF_LIMIT, presentLimits } from './limits.presenter.js';
import { deleteEntity, findHoldings, lockForRemoval } from './entity-removal.sql.js';
import { Plans } from './plans.js';
import { lockPlans, moveToPlan } from './plans.sql.js';

/** With the limits in force. */
export type EntityRow = Limits & {
  readonly entity: EntityName;
  readonly plan: string;
  readonly quotaMode: QuotaMode;
  readonly ownLimits: readonly LimitName[];
  /** What the customer has set for itself, beside the cap: the lower one counts. */
  readonly spendLimitPicos: bigint | null;
  readonly createdAt: Date;
};

/** Limits and the quota mode, which no plan has. What is undefined stays as it is. */
export type EntityChange = OwnLimitsChange & { readonly quotaMode?: QuotaMode | undefined };

/** Throws where the caller wanted another state than the one before its change; null is none. */
export type Expectation<Row> = (before: Row | null) => void;

const WITH_PLAN = { plan: true } as const;

@Injectable()
export class Entities {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
    private readonly plans: Plans,
  ) {}

  /** Throws `not_found`. With a transaction, it sees that transaction's changes. */
  async find(entity: EntityName, tx: Tx = this.database.reader): Promise<EntityRow> {
    return known(await read(tx, entity), entity);
  }

  /** A page by name. `only` restricts it to one entity; `after` is the last name of the previous page, or it throws. */
  async page(of: {
    only: EntityName | null;
    order: Order;
    after: string | null;
    limit: number;
  }): Promise<EntityRow[]> {
    const { entity } = this.database.reader;
    const name = { equals: of.only ?? undefined };
    const last = await cursorRow(of.after, (after) =>
      entity.findFirst({ where: { AND: [{ name }, { name: after }] }, select: { name: true } }),
    );
    const rows = await entity.findMany({
      where: { name: { ...name, ...behind(last?.name, of.order) } },
      include: WITH_PLAN,
      orderBy: { name: of.order },
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
  async put(
    tx: Tx,
    order: { entity: EntityName; plan: string; actor: string; expected: Expectation<EntityRow> },
  ): Promise<EntityRow> {
    const { entity, plan, actor } = order;
    const at = await this.clock.bookingTime(tx);
    const isNew = await this.accounts.ensureEntity(tx, entity, at);
    const before = known(await this.lock(tx, entity), entity);
    order.expected(isNew ? null : before);
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
    return this.find(entity, tx);
  }

  /** Sets limits of the entity's own, or removes them. Throws `not_found`. */
  async changeLimits(
    tx: Tx,
    order: { entity: EntityName; change: EntityChange; actor: string; expected: Expectation<EntityRow> },
  ): Promise<EntityRow> {
    const { entity, change, actor } = order;
    const before = known(await this.lock(tx, entity), entity);
    order.expected(before);
    return this.update(tx, before, {
      data: { ...entityColumns(change), quotaMode: change.quotaMode },
      audit: { actor, action: 'limits.change' },
    });
  }

  /** Sets or removes the customer's own spend limit, whatever the plan or an admin have set. Throws `not_found`. */
  async setSpendLimit(
    tx: Tx,
    order: {
      entity: EntityName;
      spendLimitPicos: bigint | null;
      actor: string;
      expected: Expectation<EntityRow>;
    },
  ): Promise<EntityRow> {
    const { entity, actor } = order;
    const before = known(await this.lock(tx, entity), entity);
    order.expected(before);
    return this.update(tx, before, {
      data: { spendLimitPicos: decimalOrNull(order.spendLimitPicos) },
      audit: { actor, action: 'spend_limit.change' },
    });
  }

  private async update(
    tx: Tx,
    before: EntityRow,
    { data, audit }: { data: Prisma.EntityUpdateInput; audit: { actor: string; action: string } },
  ): Promise<EntityRow> {
    const { entity } = before;
    const at = await this.clock.bookingTime(tx);
    await tx.entity.update({ where: { name: entity }, data: { ...data, version: { increment: 1 } } });
    const after = await this.find(entity, tx);
    await insertAuditEntry(tx, {
      at,
      ...audit,
      entity,
      target: null,
      before: auditOf(before),
      after: auditOf(after),
    });
    return after;
  }

  /**
   * Deletes an entity that was never used, and all that belongs to it. Throws `conflict`, which says what stands in the way: usage, credits,
   * keys that work, prices, statements, or what waits for somebody.
   */
  async delete(
    tx: Tx,
    order: { entity: EntityName; actor: string; expected: Expectation<EntityRow> },
  ): Promise<void> {
    const { entity, actor } = order;
    await lockForRemoval(tx, entity);
    const before = await this.find(entity, tx);
    order.expected(before);
    const at = await this.clock.bookingTime(tx);
    const held = await findHoldings(tx, { entity, at });
    if (held.length > 0) {
      throw new TallyError('conflict', `entity: ${entity} has ${held.join(', ')}, so it cannot be deleted`, {
        param: 'entity',
      });
    }
    const removed = await deleteEntity(tx, entity);
    await insertAuditEntry(tx, {
      at,
      actor,
      entity,
      target: null,
      action: 'entities.delete',
      before: { plan: before.plan, ...auditOf(before), ...removed },
      after: null,
    });
  }

  /** Locks an entity, or throws `not_found`. */
  async lockKnown(tx: Tx, entity: EntityName): Promise<void> {
    known(await this.lock(tx, entity), entity);
  }

  /** Reads the entity after locking it, so that nothing changes between what is read and what is written. Null: it does not exist. */
  private async lock(tx: Tx, entity: EntityName): Promise<EntityRow | null> {
    await this.accounts.lock(tx, [entity]);
    return read(tx, entity);
  }
}

async function read(tx: Tx, entity: EntityName): Promise<EntityRow | null> {
  const row = await tx.entity.findUnique({ where: { name: entity }, include: WITH_PLAN });
  return row === null ? null : toRow(row);
}

function known(row: EntityRow | null, entity: EntityName): EntityRow {
  if (row === null) throw noEntity(entity);
  return row;
}

function toRow(row: Prisma.EntityGetPayload<{ include: typeof WITH_PLAN }>): EntityRow {
  return {
    entity: row.name as EntityName,
    plan: row.planName,
    ...limitsOfEntity(row, row.plan),
    quotaMode: row.quotaMode as QuotaMode,
    ownLimits: ownLimitsOf(row),
    spendLimitPicos: bigintOrNull(row.spendLimitPicos),
    createdAt: row.createdAt,
  };
}

function auditOf(entity: EntityRow): Record<string, unknown> {
  return {
    ...presentLimits(entity),
    quota_mode: entity.quotaMode,
    own_limits: entity.ownLimits.map((name) => FIELD_OF_LIMIT[name]),
    spend_limit_usd: formatUsdOrNull(entity.spendLimitPicos),
  };
}
