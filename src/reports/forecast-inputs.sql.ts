/** What forecasts are computed from, of several entities at once. */
import type { Range } from '../domain/buckets.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';
import { Prisma } from '../platform/prisma/client.js';
import { rollUpsInRange } from './roll-ups-in-range.sql.js';

/** Those with any usage, and the hour of their first. Takes no locks. */
export async function findFirstHours(
  tx: Tx,
  { entities }: { entities: readonly string[] },
): Promise<{ entity: string; hour: Date }[]> {
  return tx.$queryRaw<{ entity: string; hour: Date }[]>`
    select c.entity, f.hour
    from unnest(${pgArray(entities)}::text[]) c (entity)
    cross join lateral (
      select u.hour from usage_hourly u where u.entity = c.entity order by u.hour limit 1
    ) f`;
}

export type CappedProject = {
  readonly entity: string;
  readonly project: string;
  /** What its cap leaves of the month; below 0 where it is passed. */
  readonly roomPicos: bigint;
};

/** Projects with a cap of their own: the lower one of cap and spend limit. Takes no locks. */
export async function findCappedProjects(
  tx: Tx,
  of: { entities: readonly string[]; period: string },
): Promise<CappedProject[]> {
  const rows = await tx.$queryRaw<{ entity: string; project: string; room: string }[]>`
    select
      p.entity, p.name as project,
      (least(p.monthly_cap_picos, p.spend_limit_picos) - coalesce(s.cost_picos, 0))::text as room
    from projects p
    left join project_spend s on s.entity = p.entity and s.project = p.name and s.period = ${of.period}::text
    where p.entity = any(${pgArray(of.entities)}::text[])
      and (p.monthly_cap_picos is not null or p.spend_limit_picos is not null)
    order by p.entity, p.name`;
  return rows.map(({ room, ...row }) => ({ ...row, roomPicos: BigInt(room) }));
}

export type DailyCost = {
  readonly entity: string;
  /** Days since 1970. */
  readonly day: number;
  /** Null sums all projects without a cap of their own. */
  readonly project: string | null;
  readonly costPicos: bigint;
};

/** Whole days, by day of occurrence. Days without usage have no row. Takes no locks. */
export async function sumDailyCosts(
  tx: Tx,
  of: { entities: readonly string[]; range: Range },
): Promise<DailyCost[]> {
  const rows = await tx.$queryRaw<{ entity: string; day: number; project: string | null; cost: string }[]>`
    select
      c.entity, (extract(epoch from u.at)::bigint / 86400)::integer as day,
      case when p.monthly_cap_picos is not null or p.spend_limit_picos is not null then u.project end as project,
      sum(u.cost_picos)::text as cost
    from unnest(${pgArray(of.entities)}::text[]) c (entity)
    cross join lateral (${rollUpsInRange({ entity: Prisma.sql`c.entity`, range: of.range })}) u
    join projects p on p.entity = c.entity and p.name = u.project
    group by 1, 2, 3`;
  return rows.map(({ cost, ...row }) => ({ ...row, costPicos: BigInt(cost) }));
}
