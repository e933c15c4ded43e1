/** Costs by time bucket and group: tokens of each class times the unit price that rated them, never rounded. */
import { WIDTH_MS, type BucketWidth, type Range } from '../domain/buckets.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';
import { usageInRange } from './usage-in-range.sql.js';

export type CostGroup = 'project' | 'lineItem' | 'apiKey';

export type CostSelection = {
  readonly entity: string;
  readonly range: Range;
  readonly width: BucketWidth;
  readonly groupBy: ReadonlySet<CostGroup>;
  /** Null selects all. */
  readonly projects: readonly string[] | null;
  readonly apiKeys: readonly string[] | null;
};

export type BucketedCost = {
  /** The aligned start of the bucket, which may lie before the range. */
  readonly bucket: Date;
  /** Null where rows are not grouped by it, and for events that have none. */
  readonly project: string | null;
  /** `<model>, input`, `<model>, cached input` or `<model>, output`. */
  readonly lineItem: string | null;
  readonly apiKey: string | null;
  readonly costPicos: bigint;
  readonly tokens: bigint;
};

type RawRow = Pick<BucketedCost, 'bucket' | 'project' | 'lineItem' | 'apiKey'> &
  Record<'cost' | 'tokens', string>;

/**
 * By time of occurrence, rows in order of bucket and group, at most `rowsMax`. Usage that has no price yet has its lines too, at no
 * cost.
 */
export async function sumBucketedCosts(
  tx: Tx,
  of: CostSelection & { rowsMax: number },
): Promise<BucketedCost[]> {
  const { groupBy, projects, apiKeys } = of;
  const callers = groupBy.has('apiKey') || apiKeys !== null ? 'keys' : null;
  const rows = await tx.$queryRaw<RawRow[]>`
    with lines as (${usageInRange({ ...of, callers })}), priced as (
      select
        date_bin(make_interval(secs => ${WIDTH_MS[of.width] / 1000}::integer), at, 'epoch') as bucket,
        case when ${groupBy.has('project')}::boolean then project end as project,
        case when ${groupBy.has('lineItem')}::boolean then model end as model,
        case when ${groupBy.has('apiKey')}::boolean then api_key_id end as "apiKey",
        price_id, sum(input_tokens) as input, sum(cached_input_tokens) as cached_input, sum(output_tokens) as output
      from lines
      where (${pgArray(projects)}::text[] is null or project = any(${pgArray(projects)}::text[]))
        and (${pgArray(apiKeys)}::text[] is null or api_key_id = any(${pgArray(apiKeys)}::text[]))
      group by 1, 2, 3, 4, price_id
    )
    select
      u.bucket, u.project, u.model || ', ' || item.class as "lineItem", u."apiKey",
      sum(item.tokens * coalesce(item.picos_per_token, 0)::numeric)::text as cost,
      sum(item.tokens)::text as tokens
    from priced u
    left join prices p on p.id = u.price_id
    cross join lateral (values
      ('input', u.input, p.input_picos_per_token),
      ('cached input', u.cached_input, coalesce(p.cached_input_picos_per_token, p.input_picos_per_token)),
      ('output', u.output, p.output_picos_per_token)
    ) item (class, tokens, picos_per_token)
    where item.tokens <> 0
    group by 1, 2, 3, 4
    having sum(item.tokens) <> 0 or sum(item.tokens * coalesce(item.picos_per_token, 0)::numeric) <> 0
    order by 1, 2, 3, 4
    limit ${of.rowsMax}::integer`;
  return rows.map((row) => ({
    bucket: row.bucket,
    project: row.project,
    lineItem: row.lineItem,
    apiKey: row.apiKey,
    costPicos: BigInt(row.cost),
    tokens: BigInt(row.tokens),
  }));
}
