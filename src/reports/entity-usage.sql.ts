/** An entity's usage by project, model and rate. */
import { unitPricesFromJson, type UnitPricesJson } from '../domain/meter-charges.js';
import type { QuantitySums } from '../domain/meters.js';
import type { UnitPrices } from '../domain/price.js';
import { quantitySums, quantitySumsOf, type QuantitySumsRow } from '../periods/quantity-sums.js';
import type { Tx } from '../platform/database.js';
import { rollUpsInRange } from './roll-ups-in-range.sql.js';

export type RatedUsage = {
  readonly project: string;
  readonly model: string;
  readonly requests: bigint;
  readonly quantities: QuantitySums;
  /** Null while the usage has no price. */
  readonly unitPrices: UnitPrices | null;
  readonly costPicos: bigint;
};

type RawUsage = QuantitySumsRow & {
  project: string;
  model: string;
  cost: string;
  unit_prices: UnitPricesJson | null;
};

/** Of the whole hours from `start` (inclusive) to `end` (exclusive), by project and model. */
export async function sumRatedUsage(
  tx: Tx,
  of: { entity: string; start: Date; end: Date },
): Promise<RatedUsage[]> {
  const rows = await tx.$queryRaw<RawUsage[]>`
    select u.project, u.model, r.unit_prices, sum(u.cost_picos)::text as cost, ${quantitySums}
    from (${rollUpsInRange({ entity: of.entity, range: of })}) u
    left join rates r on r.id = u.rate_id
    group by u.project, u.model, u.rate_id, r.id
    order by u.project, u.model, u.rate_id`;
  return rows.map((row) => ({
    project: row.project,
    model: row.model,
    requests: BigInt(row.requests),
    quantities: quantitySumsOf(row),
    unitPrices: row.unit_prices === null ? null : unitPricesFromJson(row.unit_prices),
    costPicos: BigInt(row.cost),
  }));
}
