/** Quota states out of the rows that a statement or a function in Postgres returns. */
import type { EntityName, ProjectName } from '../domain/ids.js';
import { periodEnd, periodOf } from '../domain/period.js';
import type { ProjectQuota, QuotaMode, QuotaState } from '../domain/quota-limits.js';

/** How many limited projects one state names. Redis keeps the projects of an entity with more of them one by one. */
export const LIMITED_PROJECTS_MAX = 32;

/**
 * An entity and one of its projects. An entity has a row for each project that belongs to its state, or one row with the project ''.
 * - Where `has_every_limit` is true these are all of its projects that have a limit, whether or not anything was counted for them, and
 *   at most LIMITED_PROJECTS_MAX. Others may be among them.
 * - Where it is false these are at least the projects whose spend or limits have changed.
 * All rows of an entity agree in everything but the project.
 */
export type QuotaStateRow = {
  entity: EntityName;
  is_created: boolean;
  version: string;
  quota_mode: QuotaMode;
  overage: 'blocked' | 'allowed';
  monthly_cap: string | null;
  yearly_cap: string | null;
  max_concurrent: number | null;
  /** Of the month and of the calendar year of the state's time. */
  month_cost: string;
  year_cost: string;
  /** What is left of the grants that are valid at the state's time, and their original amount with that of those used up. */
  credits: string;
  granted: string;
  /** When the first of the grants with something left begins or expires. */
  credits_change_at: Date | null;
  has_every_limit: boolean;
  project: ProjectName | '';
  project_month_cost: string | null;
  project_cap: string | null;
  project_max_concurrent: number | null;
  /** Whether the cap is the customer's own spend limit. */
  cap_is_owners: boolean;
  project_cap_is_owners: boolean;
};

/** One state for each entity, in the sequence of their first rows. `at` is the time by Postgres' clock as of which the rows are. */
export function statesOf(rows: readonly QuotaStateRow[], at: Date): QuotaState[] {
  const byEntity = new Map<EntityName, [QuotaStateRow, ...QuotaStateRow[]]>();
  for (const row of rows) {
    const known = byEntity.get(row.entity);
    if (known === undefined) byEntity.set(row.entity, [row]);
    else known.push(row);
  }
  const period = periodOf(at);
  const times = { period, at, ends: periodEnd(period) };
  return [...byEntity.values()].map((of) => toState(of, times));
}

/** The same of the rows as a JSON text. */
export function statesFromJson(json: string, at: Date): QuotaState[] {
  const rows = JSON.parse(json) as (Omit<QuotaStateRow, 'credits_change_at'> & {
    credits_change_at: string | null;
  })[];
  return statesOf(
    rows.map((row) => ({
      ...row,
      credits_change_at: row.credits_change_at === null ? null : new Date(row.credits_change_at),
    })),
    at,
  );
}

function toState(
  rows: readonly [QuotaStateRow, ...QuotaStateRow[]],
  { period, at, ends }: { period: QuotaState['period']; at: Date; ends: Date },
): QuotaState {
  const [first] = rows;
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
    isOwnersCap: first.cap_is_owners || undefined,
    yearlyCapPicos: picosOrNull(first.yearly_cap),
    overage: first.overage,
    maxConcurrentRequests: first.max_concurrent,
    creditsPicos: BigInt(first.credits),
    grantedPicos: BigInt(first.granted),
    projects: rows.flatMap(toProject),
    hasEveryLimit: first.has_every_limit,
  };
}

function toProject(row: QuotaStateRow): ProjectQuota[] {
  if (row.project === '') return [];
  return [
    {
      project: row.project,
      monthCostPicos: picosOrNull(row.project_month_cost),
      monthlyCapPicos: picosOrNull(row.project_cap),
      isOwnersCap: row.project_cap_is_owners || undefined,
      maxConcurrentRequests: row.project_max_concurrent,
    },
  ];
}

function picosOrNull(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}
