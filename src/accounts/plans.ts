/** Plans: limits for the entities that have none of their own, and a monthly allowance of credits. */
import { Injectable } from '@nestjs/common';
import { formatUsd } from '@tally/client/protocol';
import { insertAuditEntry } from '../access/audit-log.js';
import { TallyError } from '../domain/errors.js';
import { behind, type Order } from '../http/list-order.js';
import { cursorRow } from '../http/list-page.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { bigintOf, decimalOf } from '../platform/decimal-column.js';
import type { Plan, Prisma } from '../platform/prisma/client.js';
import { limitsOfPlan, planColumns, type Limits, type LimitsChange } from './limits.js';
import { presentLimits } from './limits.presenter.js';
import { lockPlanChanges } from './plans.sql.js';

export type PlanRow = Limits & {
  readonly name: string;
  /** The monthly allowance, granted to each of its entities as promotional credits. */
  readonly monthlyCreditPicos: bigint;
};

/** What is undefined stays as it is. */
export type PlanChange = LimitsChange & { readonly monthlyCreditPicos?: bigint | undefined };

/** The defaults of a new plan. Overage is blocked: nobody owes anything unless an admin has allowed it. */
export const NEW_PLAN: Omit<PlanRow, 'name'> = {
  monthlyCapPicos: null,
  yearlyCapPicos: null,
  overage: 'blocked',
  maxConcurrentRequests: null,
  monthlyCreditPicos: 0n,
};

@Injectable()
export class Plans {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Throws `not_found`. With a transaction, it sees that transaction's changes. */
  async find(name: string, tx: Tx = this.database.reader): Promise<PlanRow> {
    const plan = await tx.plan.findUnique({ where: { name } });
    if (plan === null) throw new TallyError('not_found', `no plan ${name}`, { param: 'plan' });
    return toRow(plan);
  }

  /** A page by name; `after` is the last name of the previous page, or it throws. */
  async page(of: { order: Order; after: string | null; limit: number }): Promise<PlanRow[]> {
    const { plan } = this.database.reader;
    const last = await cursorRow(of.after, (name) => plan.findUnique({ where: { name } }));
    const rows = await plan.findMany({
      where: { name: behind(last?.name, of.order) },
      orderBy: { name: of.order },
      take: of.limit,
    });
    return rows.map(toRow);
  }

  /** Creates the plan, or changes it for all its entities. */
  async put(
    tx: Tx,
    order: { plan: string; change: PlanChange; actor: string; expected: (before: PlanRow | null) => void },
  ): Promise<PlanRow> {
    const name = order.plan;
    const at = await this.clock.bookingTime(tx);
    await lockPlanChanges(tx);
    const found = await tx.plan.findUnique({ where: { name } });
    const before = found === null ? null : toRow(found);
    order.expected(before);
    const after: PlanRow = { ...NEW_PLAN, ...before, ...givenOf(order.change), name };
    const columns = columnsOf(after);
    await tx.plan.upsert({
      where: { name },
      create: columns,
      update: { ...columns, version: { increment: 1 } },
    });
    await insertAuditEntry(tx, {
      at,
      actor: order.actor,
      entity: null,
      target: name,
      action: 'plans.put',
      before: before === null ? null : auditOf(before),
      after: auditOf(after),
    });
    return after;
  }
}

/** Adds the plans that are missing; the others stay as they are. */
export async function addMissingPlans(tx: Tx, plans: readonly PlanRow[]): Promise<void> {
  await tx.plan.createMany({ data: plans.map(columnsOf), skipDuplicates: true });
}

function toRow(plan: Plan): PlanRow {
  return {
    name: plan.name,
    ...limitsOfPlan(plan),
    monthlyCreditPicos: bigintOf(plan.monthlyCreditPicos),
  };
}

/** Every column that a plan is written to: one that is forgotten here does not compile. */
type PlanColumns = Required<Omit<Prisma.PlanUncheckedCreateInput, 'version' | 'entities'>>;

function columnsOf(plan: PlanRow): PlanColumns {
  return {
    name: plan.name,
    ...planColumns(plan),
    monthlyCreditPicos: decimalOf(plan.monthlyCreditPicos),
  };
}

/** Without what is undefined, which a spread would copy. */
function givenOf(change: PlanChange): Partial<PlanRow> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}

function auditOf(plan: PlanRow): Record<string, unknown> {
  return { ...presentLimits(plan), monthly_credit_usd: formatUsd(plan.monthlyCreditPicos) };
}
