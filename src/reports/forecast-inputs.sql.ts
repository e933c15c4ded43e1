/** An entity's daily costs. */
import type { Range } from '../domain/buckets.js';
import type { Tx } from '../platform/database.js';
import { rollUpsInRange } from './roll-ups-in-range.sql.js';

export type DailyCost = {
  /** Days since 1970. */
  readonly day: number;
  /** Null sums all projects without a cap of their own. */
  readonly project: string | null;
  readonly costPicos: bigint;
};

/** Whole days, by day of occurrence. Days without usage have no row. */
export async function sumDailyCosts(tx: Tx, of: { entity: string; range: Range }): Promise<DailyCost[]> {
  const rows = await tx.$queryRaw<{ day: number; project: string | null; cost: string }[]>`
    select
      (extract(epoch from u.at)::bigint / 86400)::integer as day,
      case when p.monthly_cap_picos is not null or p.spend_limit_picos is not null then u.project end as project,
      sum(u.cost_picos)::text as cost
    from (${rollUpsInRange(of)}) u
    join projects p on p.entity = ${of.entity}::text and p.name = u.project
    group by 1, 2`;
  return rows.map(({ cost, ...row }) => ({ ...row, costPicos: BigInt(cost) }));
}
