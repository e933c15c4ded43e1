/** What an entity has, owes and may spend. */
import type { Tx } from '../platform/database.js';

export type BalanceRow = {
  readonly creditsPicos: bigint;
  /** What frozen grants have left: nobody can spend it. */
  readonly frozenPicos: bigint;
  /** What the next credits pay first. */
  readonly debtPicos: bigint;
  readonly monthPicos: bigint;
  readonly yearPicos: bigint;
  readonly monthOveragePicos: bigint;
  /** The lower one of the cap of the plan or an admin and of the customer's own spend limit. */
  readonly monthlyCapPicos: bigint | null;
  readonly spendLimitPicos: bigint | null;
  readonly yearlyCapPicos: bigint | null;
  /** What happens when the credits are used up. */
  readonly overage: 'blocked' | 'allowed';
};

export type ProjectBalanceRow = {
  readonly project: string;
  readonly monthPicos: bigint;
  readonly monthlyCapPicos: bigint | null;
  readonly spendLimitPicos: bigint | null;
};

type RawBalance = {
  credits: string;
  frozen: string;
  debt: string;
  month: string;
  year: string;
  month_overage: string;
  monthly_cap: string | null;
  spend_limit: string | null;
  yearly_cap: string | null;
  overage: 'blocked' | 'allowed';
};

/** One row, even for an unknown entity: it has nothing, and the default plan's caps. */
export async function findBalance(
  tx: Tx,
  of: { entity: string; period: string; year: string; at: Date; defaultPlan: string },
): Promise<BalanceRow> {
  const [row] = await tx.$queryRaw<[RawBalance]>`
    select
      coalesce((
        select sum(g.remaining_picos) from credit_grants g
        where g.entity = ${of.entity}::text and g.is_open and g.frozen_at is null
          and g.effective_at <= greatest(${of.at}::timestamptz, g.created_at) and (g.expires_at is null or g.expires_at > ${of.at}::timestamptz)
      ), 0)::text as credits,
      coalesce((
        select sum(g.remaining_picos) from credit_grants g
        where g.entity = ${of.entity}::text and g.is_open and g.frozen_at is not null
      ), 0)::text as frozen,
      coalesce((
        select sum(d.amount_picos - d.paid_picos) from debts d where d.entity = ${of.entity}::text and d.is_open
      ), 0)::text as debt,
      coalesce(sum(s.cost_picos) filter (where s.period = ${of.period}::text), 0)::text as month,
      coalesce(sum(s.cost_picos), 0)::text as year,
      coalesce(sum(s.overage_picos) filter (where s.period = ${of.period}::text), 0)::text as month_overage,
      least(
        case when e.monthly_cap_own then e.monthly_cap_picos else p.monthly_cap_picos end, e.spend_limit_picos
      )::text as monthly_cap,
      e.spend_limit_picos::text as spend_limit,
      (case when e.yearly_cap_own then e.yearly_cap_picos else p.yearly_cap_picos end)::text as yearly_cap,
      coalesce(e.overage, p.overage) as overage
    from plans p
    left join entities e on e.name = ${of.entity}::text
    left join entity_spend s on s.entity = ${of.entity}::text and left(s.period, 4) = ${of.year}::text
    where p.name = coalesce(
      (select plan from entities where name = ${of.entity}::text), ${of.defaultPlan}::text
    )
    group by p.name, e.name`;
  return {
    creditsPicos: BigInt(row.credits),
    frozenPicos: BigInt(row.frozen),
    debtPicos: BigInt(row.debt),
    monthPicos: BigInt(row.month),
    yearPicos: BigInt(row.year),
    monthOveragePicos: BigInt(row.month_overage),
    monthlyCapPicos: picosOrNull(row.monthly_cap),
    spendLimitPicos: picosOrNull(row.spend_limit),
    yearlyCapPicos: picosOrNull(row.yearly_cap),
    overage: row.overage,
  };
}

/** The entity's projects by name, or only the one that `of` names. */
export async function findProjectBalances(
  tx: Tx,
  of: { entity: string; project: string | null; period: string },
): Promise<ProjectBalanceRow[]> {
  const rows = await tx.$queryRaw<
    { project: string; month: string; monthly_cap: string | null; spend_limit: string | null }[]
  >`
    select
      p.name as project, coalesce(s.cost_picos, 0)::text as month,
      least(p.monthly_cap_picos, p.spend_limit_picos)::text as monthly_cap, p.spend_limit_picos::text as spend_limit
    from projects p
    left join project_spend s on s.entity = p.entity and s.project = p.name and s.period = ${of.period}::text
    where p.entity = ${of.entity}::text and (${of.project}::text is null or p.name = ${of.project}::text)
    order by p.name`;
  return rows.map((row) => ({
    project: row.project,
    monthPicos: BigInt(row.month),
    monthlyCapPicos: picosOrNull(row.monthly_cap),
    spendLimitPicos: picosOrNull(row.spend_limit),
  }));
}

function picosOrNull(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}
