/** Limits of a project. They are part of its entity's quota state, so whoever changes them raises the entity's version. */
import type { EntityName, ProjectName } from '../domain/ids.js';
import type { Tx } from '../platform/database.js';

export type ProjectRow = {
  readonly entity: EntityName;
  readonly project: ProjectName;
  readonly monthlyCapPicos: bigint | null;
  readonly maxConcurrentRequests: number | null;
};

/** What is undefined stays as it is; null lifts the limit. */
export type ProjectLimitsChange = {
  readonly monthlyCapPicos?: bigint | null | undefined;
  readonly maxConcurrentRequests?: number | null | undefined;
};

type RawProject = {
  entity: EntityName;
  project: ProjectName;
  monthly_cap: string | null;
  max_concurrent: number | null;
};

export async function findProject(
  tx: Tx,
  args: { entity: string; project: string },
): Promise<ProjectRow | null> {
  const rows = await tx.$queryRaw<RawProject[]>`
    select entity, name as project, monthly_cap_picos::text as monthly_cap, max_concurrent_requests as max_concurrent
    from projects
    where entity = ${args.entity}::text and name = ${args.project}::text`;
  return rows[0] === undefined ? null : toProject(rows[0]);
}

/** Sets the limits that `change` names. Needs the entity's lock. */
export async function setProjectLimits(
  tx: Tx,
  of: { entity: string; project: string },
  change: ProjectLimitsChange,
): Promise<void> {
  const cap = change.monthlyCapPicos;
  const concurrent = change.maxConcurrentRequests;
  await tx.$executeRaw`
    update projects set
      monthly_cap_picos = case when ${cap !== undefined}::boolean
        then ${cap === null || cap === undefined ? null : String(cap)}::numeric else monthly_cap_picos end,
      max_concurrent_requests = case when ${concurrent !== undefined}::boolean
        then ${concurrent ?? null}::integer else max_concurrent_requests end
    where entity = ${of.entity}::text and name = ${of.project}::text`;
}

function toProject(row: RawProject): ProjectRow {
  return {
    entity: row.entity,
    project: row.project,
    monthlyCapPicos: row.monthly_cap === null ? null : BigInt(row.monthly_cap),
    maxConcurrentRequests: row.max_concurrent,
  };
}
