/** An entity's usage by group, time bucket and rate. */
import { bucketCeiling, WIDTH_MS, type BucketWidth, type Range } from '../domain/buckets.js';
import { unitPricesFromJson, type UnitPricesJson } from '../domain/meter-charges.js';
import type { QuantitySums } from '../domain/meters.js';
import type { UnitPrices } from '../domain/price.js';
import { quantitySums, quantitySumsOf, type QuantitySumsRow } from '../periods/quantity-sums.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';
import { Prisma } from '../platform/prisma/client.js';
import { rollUpsInRange } from './roll-ups-in-range.sql.js';

/** What a caller may ask for by name, but not `meter` and `tag:…`. */
export const USAGE_FIELDS = ['project', 'model', 'operation', 'service_tier', 'user', 'api_key'] as const;
export type UsageField = (typeof USAGE_FIELDS)[number];

/** A field, or a tag by its name. */
export type UsageGroup = UsageField | `tag:${string}`;

export type UsageSelection = {
  readonly entity: string;
  readonly range: Range;
  /** Null is one bucket for all. */
  readonly width: BucketWidth | null;
  readonly groupBy: readonly UsageGroup[];
  /** By field or tag: any of these values. */
  readonly filters: ReadonlyMap<UsageGroup, readonly string[]>;
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
  const bucket =
    width === null
      ? Prisma.sql`null::timestamptz`
      : Prisma.sql`date_bin(make_interval(secs => ${WIDTH_MS[width] / 1000}::integer), u.at, 'epoch')`;
  const groups = Prisma.sql`array[${Prisma.join([...groupBy.map(columnOf), Prisma.sql`null::text`])}]`;
  const rows = await tx.$queryRaw<RawUsage[]>`
    with grouped as (
      select ${bucket} as bucket, ${groups} as groups, u.rate_id, sum(u.cost_picos)::text as cost, ${quantitySums}
      from (${usageOf(of)}) u
      where ${conditionOf(filters)}
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

function columnOf(group: UsageGroup): Prisma.Sql {
  if (group.startsWith('tag:')) return Prisma.sql`u.tags ->> ${group.slice('tag:'.length)}::text`;
  if (group === 'user') return Prisma.sql`u.user_id`;
  return group === 'api_key' ? Prisma.sql`u.api_key_id` : Prisma.raw(`u.${group}`);
}

function conditionOf(filters: UsageSelection['filters']): Prisma.Sql {
  const each = [...filters].map(
    ([group, values]) => Prisma.sql`${columnOf(group)} = any(${pgArray(values)}::text[])`,
  );
  return each.length === 0 ? Prisma.sql`true` : Prisma.join(each, ' and ');
}
