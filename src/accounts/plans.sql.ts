/** Plans: the limits of the entities that have none of their own, and the monthly credit allowance. */
import type { Tx } from '../platform/database.js';
import type { Overage } from './entities.sql.js';

export type PlanRow = {
  readonly name: string;
  readonly monthlyCapPicos: bigint | null;
  readonly yearlyCapPicos: bigint | null;
  readonly overage: Overage;
  readonly maxConcurrentRequests: number | null;
  readonly monthlyCreditPicos: bigint;
};

type RawPlan = {
  name: string;
  monthly_cap: string | null;
  yearly_cap: string | null;
  overage: Overage;
  max_concurrent: number | null;
  monthly_credit: string;
};

export async function listPlans(tx: Tx): Promise<PlanRow[]> {
  const rows = await tx.$queryRaw<RawPlan[]>`
    select
      name, monthly_cap_picos::text as monthly_cap, yearly_cap_picos::text as yearly_cap, overage,
      max_concurrent_requests as max_concurrent, monthly_credit_picos::text as monthly_credit
    from plans
    order by name`;
  return rows.map(toPlan);
}

export async function findPlan(tx: Tx, plan: string): Promise<PlanRow | null> {
  return (await listPlans(tx)).find((row) => row.name === plan) ?? null;
}

/** Holds the plans as they are, in name order, so that their versions stand still while an entity moves between them. */
export async function lockPlans(tx: Tx, plans: readonly string[]): Promise<void> {
  await tx.$queryRaw`
    select name from plans
    where name = any(${plans}::text[])
    order by name
    for share`;
}

/** Adds the plan, or leaves the one of that name as it is. */
export async function insertPlanIfMissing(tx: Tx, plan: PlanRow): Promise<void> {
  await tx.$executeRaw`
    insert into plans (
      name, monthly_cap_picos, yearly_cap_picos, overage, max_concurrent_requests, monthly_credit_picos
    )
    values (
      ${plan.name}::text, ${textOrNull(plan.monthlyCapPicos)}::numeric, ${textOrNull(plan.yearlyCapPicos)}::numeric,
      ${plan.overage}::text, ${plan.maxConcurrentRequests}::integer, ${String(plan.monthlyCreditPicos)}::numeric
    )
    on conflict (name) do nothing`;
}

/** Makes the plan or replaces what it says, and raises its version. */
export async function putPlan(tx: Tx, plan: PlanRow): Promise<void> {
  await tx.$executeRaw`
    insert into plans (
      name, monthly_cap_picos, yearly_cap_picos, overage, max_concurrent_requests, monthly_credit_picos, version
    )
    values (
      ${plan.name}::text,
      ${textOrNull(plan.monthlyCapPicos)}::numeric, ${textOrNull(plan.yearlyCapPicos)}::numeric,
      ${plan.overage}::text, ${plan.maxConcurrentRequests}::integer, ${String(plan.monthlyCreditPicos)}::numeric, 0
    )
    on conflict (name) do update set
      monthly_cap_picos = excluded.monthly_cap_picos,
      yearly_cap_picos = excluded.yearly_cap_picos,
      overage = excluded.overage,
      max_concurrent_requests = excluded.max_concurrent_requests,
      monthly_credit_picos = excluded.monthly_credit_picos,
      version = plans.version + 1`;
}

/** Serializes changes of plans, so that what one reads before it writes is what it changes. */
export async function lockPlanChanges(tx: Tx): Promise<void> {
  await tx.$queryRaw`select pg_advisory_xact_lock(hashtextextended('plan changes', 0))::text`;
}

function textOrNull(picos: bigint | null): string | null {
  return picos === null ? null : String(picos);
}

function toPlan(row: RawPlan): PlanRow {
  return {
    name: row.name,
    monthlyCapPicos: row.monthly_cap === null ? null : BigInt(row.monthly_cap),
    yearlyCapPicos: row.yearly_cap === null ? null : BigInt(row.yearly_cap),
    overage: row.overage,
    maxConcurrentRequests: row.max_concurrent,
    monthlyCreditPicos: BigInt(row.monthly_credit),
  };
}
