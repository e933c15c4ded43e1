/** An entity's usage by group, time bucket and rate. */
import { bucketCeiling, WIDTH_MS, type BucketWidth, type Range } from '../domain/buckets.js';
import { unitPricesFromJson, type UnitPricesJson } from '../domain/meter-charges.js';
import type { QuantitySums } from '../domain/meters.js';
import type { UnitPrices } from '../domain/price.js';
import { quantitySums, quantitySumsOf, type QuantitySumsRow } from '../periods/quantity-sums.js';
import type { Tx } from '../platform/database.js';
import { Prisma } from '../platform/prisma/client.js';
import { rollUpsInRange } from './roll-ups-in-range.sql.js';
import { columnOf, conditionOf, type UsageFilters, type UsageGroup } from './usage-fields.sql.js';

/** Of roll-ups and events; the month is the calendar's, in UTC. */
export type UsageWidth = BucketWidth | '1mo';

export type UsageSelection = {
  readonly entity: string;
  readonly range: Range;
  /** Null is one bucket for all. */
  readonly width: UsageWidth | null;
  readonly groupBy: readonly UsageGroup[];
  readonly filters: UsageFilters;
};

export type RatedUsage = {
  /** The aligned start of the bucket; null without buckets. */
  readonly bucket: Date | null;
  /** One for each group asked for; null for usage that has none. */
  readonly groups: readonly (string | null)[];
  readonly requests: bigint;
  readonly quantities: QuantitySums;
  /** Null while the usage has no price. */
  readonly unitPrices: UnitPrices | null;
  readonly costPicos: bigint;
};

type RawUsage = QuantitySumsRow & {
  bucket: Date | null;
  groups: (string | null)[];
  cost: string;
  unit_prices: UnitPricesJson | null;
};

/** Roll-ups know neither callers, tags nor minutes. */
export function needsEvents({ width, groupBy, filters }: Omit<UsageSelection, 'entity' | 'range'>): boolean {
  return width === '1m' || [...groupBy, ...filters.keys()].some(isOfEvents);
}

function isOfEvents(group: UsageGroup): boolean {
  return group === 'user' || group === 'api_key' || group.startsWith('tag:');
}

/** Of whole hours (of minutes by the minute), by bucket and group, at most `rowsMax`. */
export async function sumRatedUsage(
  tx: Tx,
  of: UsageSelection & { readonly rowsMax: number },
): Promise<RatedUsage[]> {
  const { width, groupBy, filters } = of;
  const columns = groupBy.map((group) => columnOf(group, 'u'));
  const groups = Prisma.sql`array[${Prisma.join([...columns, Prisma.sql`null::text`])}]`;
  const rows = await tx.$queryRaw<RawUsage[]>`
    with grouped as (
      select ${bucketOf(width)} as bucket, ${groups} as groups, u.rate_id, sum(u.cost_picos)::text as cost, ${quantitySums}
      from (${usageOf(of)}) u
      where ${conditionOf(filters, 'u')}
      group by 1, 2, 3
      order by 1, 2, 3
      limit ${of.rowsMax}::integer
    )
    select g.*, r.unit_prices
    from grouped g
    left join rates r on r.id = g.rate_id
    order by g.bucket, g.groups, g.rate_id`;
  return rows.map((row) => ({
    bucket: row.bucket,
    groups: row.groups.slice(0, groupBy.length),
    requests: BigInt(row.requests),
    quantities: quantitySumsOf(row),
    unitPrices: row.unit_prices === null ? null : unitPricesFromJson(row.unit_prices),
    costPicos: BigInt(row.cost),
  }));
}

function bucketOf(width: UsageWidth | null): Prisma.Sql {
  if (width === null) return Prisma.sql`null::timestamptz`;
  if (width === '1mo') return Prisma.sql`date_trunc('month', u.at, 'UTC')`;
  return Prisma.sql`date_bin(make_interval(secs => ${WIDTH_MS[width] / 1000}::integer), u.at, 'epoch')`;
}

/** Both relations are of the same instants, so that the same range has the same sums whatever it is grouped by. */
function usageOf(of: UsageSelection): Prisma.Sql {
  const { entity, width } = of;
  const unit = width === '1m' ? '1m' : '1h';
  const range = { start: bucketCeiling(of.range.start, unit), end: bucketCeiling(of.range.end, unit) };
  if (!needsEvents(of)) return rollUpsInRange({ entity, range, byHour: width === '1h' });
  return Prisma.sql`
    select
      occurred_at as at, project, model, operation, service_tier, user_id, api_key_id, tags, rate_id,
      requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, other_quantities, cost_picos
    from counted_usage
    where entity = ${entity}::text
      and occurred_at >= ${range.start}::timestamptz and occurred_at < ${range.end}::timestamptz`;
}
