/** Who pays: plan, limits of their own, and the version that every change of either raises. */
import type { EntityName } from '../domain/ids.js';
import type { QuotaMode } from '../domain/quota-rules.js';
import type { Tx } from '../platform/database.js';

export type Overage = 'blocked' | 'allowed';

export type EntityRow = {
  readonly entity: EntityName;
  readonly plan: string;
  /** The limits in force: the entity's own, or else its plan's. A null cap is no cap. */
  readonly monthlyCapPicos: bigint | null;
  readonly yearlyCapPicos: bigint | null;
  readonly overage: Overage;
  readonly maxConcurrentRequests: number | null;
  readonly quotaMode: QuotaMode;
  /** Which of the limits are the entity's own. */
  readonly own: {
    readonly monthlyCap: boolean;
    readonly yearlyCap: boolean;
    readonly overage: boolean;
    readonly maxConcurrentRequests: boolean;
  };
  readonly createdAt: Date;
};

/** What is undefined stays as it is; null lifts the limit. */
export type LimitsChange = {
  readonly monthlyCapPicos?: bigint | null | undefined;
  readonly yearlyCapPicos?: bigint | null | undefined;
  readonly overage?: Overage | undefined;
  readonly maxConcurrentRequests?: number | null | undefined;
};

/** What an entity has beside limits, and no plan. */
export type EntityChange = LimitsChange & { readonly quotaMode?: QuotaMode | undefined };

type RawEntity = {
  entity: EntityName;
  plan: string;
  monthly_cap: string | null;
  yearly_cap: string | null;
  overage: Overage;
  max_concurrent: number | null;
  quota_mode: QuotaMode;
  monthly_cap_own: boolean;
  yearly_cap_own: boolean;
  overage_own: boolean;
  max_concurrent_own: boolean;
  created_at: Date;
};

export async function findEntity(tx: Tx, entity: string): Promise<EntityRow | null> {
  const rows = await listEntities(tx, { only: entity, after: null, limit: 1 });
  return rows[0] ?? null;
}

/** A page of entities by name; `only` restricts it to one. `after` is the last name of the page before. */
export async function listEntities(
  tx: Tx,
  page: { only: string | null; after: string | null; limit: number },
): Promise<EntityRow[]> {
  const rows = await tx.$queryRaw<RawEntity[]>`
    select
      e.name as entity, e.plan,
      (case when e.monthly_cap_own then e.monthly_cap_picos else p.monthly_cap_picos end)::text as monthly_cap,
      (case when e.yearly_cap_own then e.yearly_cap_picos else p.yearly_cap_picos end)::text as yearly_cap,
      coalesce(e.overage, p.overage) as overage,
      case when e.max_concurrent_own then e.max_concurrent_requests else p.max_concurrent_requests end as max_concurrent,
      e.quota_mode, e.monthly_cap_own, e.yearly_cap_own, e.overage is not null as overage_own, e.max_concurrent_own, e.created_at
    from entities e join plans p on p.name = e.plan
    where (${page.only}::text is null or e.name = ${page.only}::text)
      and (${page.after}::text is null or e.name > ${page.after}::text)
    order by e.name
    limit ${page.limit}::integer`;
  return rows.map(toEntity);
}

/** Names of a page of the plan's entities. */
export async function listEntitiesOfPlan(
  tx: Tx,
  page: { plan: string; after: string; limit: number },
): Promise<EntityName[]> {
  const rows = await tx.$queryRaw<{ name: EntityName }[]>`
    select name from entities
    where plan = ${page.plan}::text and name > ${page.after}::text
    order by name
    limit ${page.limit}::integer`;
  return rows.map((row) => row.name);
}

/** Those of the names that are no entity's. */
export async function findUncreated(tx: Tx, names: readonly EntityName[]): Promise<EntityName[]> {
  const rows = await tx.$queryRaw<{ name: EntityName }[]>`
    select t.name
    from unnest(${names}::text[]) as t (name)
    where not exists (select from entities e where e.name = t.name)`;
  return rows.map((row) => row.name);
}

/**
 * Moves a locked entity to a plan whose row is locked too. A quota state's version is the entity's plus its plan's, so the
 * entity's rises by what the new plan's is behind: the sum never falls.
 */
export async function setPlan(tx: Tx, args: { entity: string; plan: string }): Promise<void> {
  await tx.$executeRaw`
    update entities e set
      plan = new.name,
      version = e.version + 1 + greatest(old.version - new.version, 0)
    from plans old, plans new
    where e.name = ${args.entity}::text and old.name = e.plan and new.name = ${args.plan}::text`;
}

/** Sets the entity's own limits and its mode, those that `change` names, and raises the version. Needs the entity's lock. */
export async function setLimits(tx: Tx, entity: string, change: EntityChange): Promise<void> {
  const monthly = change.monthlyCapPicos !== undefined;
  const yearly = change.yearlyCapPicos !== undefined;
  const concurrent = change.maxConcurrentRequests !== undefined;
  await tx.$executeRaw`
    update entities set
      monthly_cap_own = monthly_cap_own or ${monthly}::boolean,
      monthly_cap_picos = case when ${monthly}::boolean
        then ${textOrNull(change.monthlyCapPicos)}::numeric else monthly_cap_picos end,
      yearly_cap_own = yearly_cap_own or ${yearly}::boolean,
      yearly_cap_picos = case when ${yearly}::boolean
        then ${textOrNull(change.yearlyCapPicos)}::numeric else yearly_cap_picos end,
      overage = coalesce(${change.overage ?? null}::text, overage),
      max_concurrent_own = max_concurrent_own or ${concurrent}::boolean,
      max_concurrent_requests = case when ${concurrent}::boolean
        then ${change.maxConcurrentRequests ?? null}::integer else max_concurrent_requests end,
      quota_mode = coalesce(${change.quotaMode ?? null}::text, quota_mode),
      version = version + 1
    where name = ${entity}::text`;
}

function textOrNull(picos: bigint | null | undefined): string | null {
  return picos === null || picos === undefined ? null : String(picos);
}

function toEntity(row: RawEntity): EntityRow {
  return {
    entity: row.entity,
    plan: row.plan,
    monthlyCapPicos: row.monthly_cap === null ? null : BigInt(row.monthly_cap),
    yearlyCapPicos: row.yearly_cap === null ? null : BigInt(row.yearly_cap),
    overage: row.overage,
    maxConcurrentRequests: row.max_concurrent,
    quotaMode: row.quota_mode,
    own: {
      monthlyCap: row.monthly_cap_own,
      yearlyCap: row.yearly_cap_own,
      overage: row.overage_own,
      maxConcurrentRequests: row.max_concurrent_own,
    },
    createdAt: row.created_at,
  };
}
