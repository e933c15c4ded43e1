/** What a quota decision needs to know, read in one snapshot for any number of entities and projects. */
import { assert } from '../domain/errors.js';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { periodOf, yearOf } from '../domain/period.js';
import type { QuotaState } from '../domain/quota-limits.js';
import { DEFAULT_PLAN } from '../accounts/default-plan.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';
import { LIMITED_PROJECTS_MAX, statesOf, type QuotaStateRow } from './quota-state-rows.js';

/** A null project asks for the entity alone. */
export type QuotaSubject = { readonly entity: EntityName; readonly project: ProjectName | null };

/**
 * One state for each entity, as of `at`, with the projects that were asked for and all that have a limit, unless these are too many.
 * An unknown entity has the default plan and has spent nothing; reading creates no row. It takes no locks. Spend, credits and version are consistent because one statement reads them.
 */
export async function loadQuotaStates(
  tx: Tx,
  args: { subjects: readonly QuotaSubject[]; at: Date },
): Promise<QuotaState[]> {
  const { subjects, at } = args;
  const period = periodOf(at);
  const rows = await tx.$queryRaw<QuotaStateRow[]>`
    with asked as (
      select distinct entity, project from unnest(
        ${pgArray(subjects.map(({ entity }) => entity))}::text[],
        ${pgArray(subjects.map(({ project }) => project ?? ''))}::text[]
      ) as t (entity, project)
    ), limited as (
      select a.entity, array(
        select p.name from projects p
        where p.entity = a.entity and (p.monthly_cap_picos is not null or p.max_concurrent_requests is not null)
        limit ${LIMITED_PROJECTS_MAX + 1}::int
      ) as projects
      from (select distinct entity from asked) a
    ), shown as (
      select entity, project from asked
      union
      select l.entity, p.project from limited l, unnest(l.projects) as p (project)
      where cardinality(l.projects) <= ${LIMITED_PROJECTS_MAX}::int
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
      cardinality(l.projects) <= ${LIMITED_PROJECTS_MAX}::int as has_every_limit,
      a.project, coalesce(ps.cost_picos, 0)::text as project_month_cost,
      pr.monthly_cap_picos::text as project_cap, pr.max_concurrent_requests as project_max_concurrent
    from states s
    join shown a on a.entity = s.entity
    join limited l on l.entity = s.entity
    left join projects pr on pr.entity = a.entity and pr.name = a.project
    left join project_spend ps on ps.entity = a.entity and ps.period = ${period}::text and ps.project = a.project`;
  return stateOfEach(subjects, statesOf(rows, at));
}

function stateOfEach(subjects: readonly QuotaSubject[], states: readonly QuotaState[]): QuotaState[] {
  const known = new Map(states.map((state) => [state.entity, state]));
  return [...new Set(subjects.map(({ entity }) => entity))].map((entity) => {
    const state = known.get(entity);
    // An empty result never means "allowed": without the default plan no entity may spend.
    assert(state !== undefined, `there is a plan named ${DEFAULT_PLAN}`);
    return state;
  });
}
