/** A monthly cap beside what was spent of it. */
import type { Tx } from '../platform/database.js';

export type CapSpend = { readonly capPicos: bigint | null; readonly spentPicos: bigint };

/** Of a project; null where nobody has seen it. */
export async function findProjectCapSpend(
  tx: Tx,
  of: { entity: string; project: string; period: string },
): Promise<CapSpend | null> {
  const [row] = await tx.$queryRaw<{ cap: string | null; spent: string }[]>`
    select p.monthly_cap_picos::text as cap, coalesce(s.cost_picos, 0)::text as spent
    from projects p
    left join project_spend s on s.entity = p.entity and s.project = p.name and s.period = ${of.period}::text
    where p.entity = ${of.entity}::text and p.name = ${of.project}::text`;
  if (row === undefined) return null;
  return { capPicos: row.cap === null ? null : BigInt(row.cap), spentPicos: BigInt(row.spent) };
}
