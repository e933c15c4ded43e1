/** What a quota decision needs to know, read in one snapshot for any number of entities and projects. */
import { assert } from '../domain/errors.js';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { periodEnd, periodOf, yearOf } from '../domain/period.js';
import type { ProjectQuota, QuotaMode, QuotaState } from '../domain/quota-limits.js';
import { DEFAULT_PLAN } from '../accounts/default-plan.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';

/** A null project asks for the entity alone. */
export type QuotaSubject = { readonly entity: EntityName; readonly project: ProjectName | null };

type Row = {
  entity: EntityName;
  is_created: boolean;
  version: string;
  quota_mode: QuotaMode;
  overage: 'blocked' | 'allowed';
  monthly_cap: string | null;
  yearly_cap: string | null;
  max_concurrent: number | null;
  month_cost: string;
  year_cost: string;
  credits: string;
  granted: string;
  credits_change_at: Date | null;
  /** Empty where the entity alone was asked for. */
  project: ProjectName | '';
  project_month_cost: string;
  project_cap: string | null;
  project_max_concurrent: number | null;
};

/**
 * One state for each entity, as of `at`. An unknown entity has the default plan and has spent nothing; reading creates no row. It
 * takes no locks. Spend, credits and version are consistent because one statement reads them.
 */
export async function loadQuotaStates(
  tx: Tx,
  args: { subjects: readonly QuotaSubject[]; at: Date },
): Promise<QuotaState[]> {
  const { subjects, at } = args;
  const period = periodOf(at);
  const rows = await tx.$queryRaw<Row[]>`
    with asked as (
      select distinct entity, project
      from unnest(
        ${pgArray(subjects.map(({ entity }) => entity))}::text[],
        ${pgArray(subjects.map(({ project }) => project ?? ''))}::text[]
      ) as t (entity, project)
    ), states as (
      select
        a.entity,
        e.name is not null as is_created,
        coalesce(e.version, 0) + p.version as version,
        coalesce(e.quota_mode, 'enforce') as quota_mode,
        coalesce(e.overage, p.overage) as overage,
        case when e.monthly_cap_own then e.monthly_cap_picos else p.monthly_cap_picos end as monthly_cap,
        case when e.yearly_cap_own then e.yearly_cap_picos else p.yearly_cap_picos end as yearly_cap,
        case when e.max_concurrent_own then e.max_concurrent_requests else p.max_concurrent_requests end as max_concurrent,
        spend.month_cost, spend.year_cost, lots.credits, lots.granted, lots.change_at
      from (select distinct entity from asked) a
      left join entities e on e.name = a.entity
      join plans p on p.name = coalesce(e.plan, ${DEFAULT_PLAN}::text)
      cross join lateral (
        select
          coalesce(sum(s.cost_picos) filter (where s.period = ${period}::text), 0) as month_cost,
          coalesce(sum(s.cost_picos), 0) as year_cost
        from entity_spend s
        where s.entity = a.entity and s.period between ${`${yearOf(period)}-01`}::text and ${`${yearOf(period)}-12`}::text
      ) spend
      cross join lateral (
        select
          coalesce(sum(g.remaining_picos) filter (where g.effective_at <= ${at}::timestamptz), 0) as credits,
          coalesce(sum(g.amount_picos) filter (where g.effective_at <= ${at}::timestamptz), 0) as granted,
          min(case when g.effective_at > ${at}::timestamptz then g.effective_at else g.expires_at end)
            filter (where g.remaining_picos > 0) as change_at
        from credit_grants g
        where g.entity = a.entity and (g.expires_at is null or g.expires_at > ${at}::timestamptz)
      ) lots
    )
    select
      s.entity, s.is_created, s.version::text as version, s.quota_mode, s.overage,
      s.monthly_cap::text as monthly_cap, s.yearly_cap::text as yearly_cap, s.max_concurrent,
      s.month_cost::text as month_cost, s.year_cost::text as year_cost,
      s.credits::text as credits, s.granted::text as granted, s.change_at as credits_change_at,
      a.project, coalesce(ps.cost_picos, 0)::text as project_month_cost,
      pr.monthly_cap_picos::text as project_cap, pr.max_concurrent_requests as project_max_concurrent
    from states s
    join asked a on a.entity = s.entity
    left join projects pr on pr.entity = a.entity and pr.name = a.project
    left join project_spend ps on ps.entity = a.entity and ps.period = ${period}::text and ps.project = a.project`;
  const byEntity = new Map<EntityName, Row[]>();
  for (const row of rows) {
    const known = byEntity.get(row.entity);
    if (known === undefined) byEntity.set(row.entity, [row]);
    else known.push(row);
  }
  return [...new Set(subjects.map(({ entity }) => entity))].map((entity) =>
    toState(byEntity.get(entity), at),
  );
}

function toState(rows: readonly Row[] | undefined, at: Date): QuotaState {
  const first = rows?.[0];
  // An empty result never means "allowed": without the default plan no entity may spend.
  assert(rows !== undefined && first !== undefined, `there is a plan named ${DEFAULT_PLAN}`);
  const period = periodOf(at);
  const ends = periodEnd(period);
  const change = first.credits_change_at;
  return {
    entity: first.entity,
    mode: first.quota_mode,
    isCreated: first.is_created,
    version: BigInt(first.version),
    period,
    at,
    freshUntil: change !== null && change < ends ? change : ends,
    monthCostPicos: BigInt(first.month_cost),
    yearCostPicos: BigInt(first.year_cost),
    monthlyCapPicos: picosOrNull(first.monthly_cap),
    yearlyCapPicos: picosOrNull(first.yearly_cap),
    overage: first.overage,
    maxConcurrentRequests: first.max_concurrent,
    creditsPicos: BigInt(first.credits),
    grantedPicos: BigInt(first.granted),
    projects: rows.flatMap(toProject),
  };
}

function toProject(row: Row): ProjectQuota[] {
  if (row.project === '') return [];
  return [
    {
      project: row.project,
      monthCostPicos: BigInt(row.project_month_cost),
      monthlyCapPicos: picosOrNull(row.project_cap),
      maxConcurrentRequests: row.project_max_concurrent,
    },
  ];
}

function picosOrNull(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}
