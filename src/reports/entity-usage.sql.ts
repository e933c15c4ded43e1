/** An entity's usage by project and model. */
import type { Tx } from '../platform/database.js';
import { rollUpsInRange } from './roll-ups-in-range.sql.js';

export type EntityUsageRow = {
  readonly project: string;
  readonly model: string;
  readonly requests: bigint;
  readonly inputTokens: bigint;
  readonly cachedInputTokens: bigint;
  readonly outputTokens: bigint;
  readonly costPicos: bigint;
};

type RawUsage = Record<
  'project' | 'model' | 'requests' | 'input' | 'cached_input' | 'output' | 'cost',
  string
>;

/** Of the whole hours from `start` (inclusive) to `end` (exclusive), most expensive first. */
export async function sumEntityUsage(
  tx: Tx,
  of: { entity: string; start: Date; end: Date },
): Promise<EntityUsageRow[]> {
  const rows = await tx.$queryRaw<RawUsage[]>`
    select
      project, model, sum(requests)::text as requests, sum(input_tokens)::text as input,
      sum(cached_input_tokens)::text as cached_input, sum(output_tokens)::text as output, sum(cost_picos)::text as cost
    from (${rollUpsInRange({ entity: of.entity, range: of })}) u
    group by project, model
    order by sum(cost_picos) desc, project, model`;
  return rows.map((row) => ({
    project: row.project,
    model: row.model,
    requests: BigInt(row.requests),
    inputTokens: BigInt(row.input),
    cachedInputTokens: BigInt(row.cached_input),
    outputTokens: BigInt(row.output),
    costPicos: BigInt(row.cost),
  }));
}
