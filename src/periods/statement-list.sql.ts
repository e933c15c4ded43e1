/** The months of an entity that have a statement. */
import type { Period } from '../domain/period.js';
import type { Tx } from '../platform/database.js';

export type StatementMonth = {
  readonly period: Period;
  /** Null while the period is open. */
  readonly number: string | null;
  readonly closedAt: Date | null;
  readonly costPicos: bigint;
  readonly burntPicos: bigint;
  readonly overagePicos: bigint;
};

/** Far more than any customer has. */
const MONTHS_MAX = 1_200;

/** Those that were charged or closed, and `current`, newest first. */
export async function findStatementMonths(
  tx: Tx,
  of: { entity: string; current: Period },
): Promise<StatementMonth[]> {
  const rows = await tx.$queryRaw<
    (Pick<StatementMonth, 'period' | 'number' | 'closedAt'> & Record<'cost' | 'burnt' | 'overage', string>)[]
  >`
    with months as (
      select period from entity_spend where entity = ${of.entity}::text
      union select period from closed_periods where entity = ${of.entity}::text
      union select ${of.current}::text
    )
    select
      m.period, c.number, c.closed_at as "closedAt", coalesce(s.cost_picos, 0)::text as cost,
      coalesce(s.burnt_picos, 0)::text as burnt, coalesce(s.overage_picos, 0)::text as overage
    from months m
    left join entity_spend s on s.entity = ${of.entity}::text and s.period = m.period
    left join closed_periods c on c.entity = ${of.entity}::text and c.period = m.period
    order by m.period desc
    limit ${MONTHS_MAX}::integer`;
  return rows.map(({ cost, burnt, overage, ...row }) => ({
    ...row,
    costPicos: BigInt(cost),
    burntPicos: BigInt(burnt),
    overagePicos: BigInt(overage),
  }));
}
