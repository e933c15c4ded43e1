/** Costs by time bucket and group: tokens of each class times the unit price that rated them, never rounded. */
import { WIDTH_MS, type BucketWidth, type Range } from '../domain/buckets.js';
import type { Tx } from './database.js';
import { usageLines } from './usage-lines.js';

export type CostGroup = 'project' | 'lineItem' | 'apiKey';

export type CostSelection = {
  readonly entity: string;
  readonly range: Range;
  readonly width: BucketWidth;
  readonly groupBy: ReadonlySet<CostGroup>;
  /** Null takes all. */
  readonly projects: readonly string[] | null;
  readonly apiKeys: readonly string[] | null;
};

export type BucketedCost = {
  /** The aligned start of the bucket, which may lie before the range. */
  readonly bucket: Date;
  /** Null where rows are not grouped by it, and where an event has none. */
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
 * Rows in order of bucket and group, at most `rowsMax`. By day of occurrence. Usage without a price yet costs nothing so far,
 * and its lines show all the same.
 */
export async function sumBucketedCosts(
  tx: Tx,
  of: CostSelection & { rowsMax: number },
): Promise<BucketedCost[]> {
  const { groupBy, projects, apiKeys } = of;
  const needsEvents = of.width === '1m' || groupBy.has('apiKey') || apiKeys !== null;
  const rows = await tx.$queryRaw<RawRow[]>`
    with lines as (${usageLines({ entity: of.entity, range: of.range, eventsOnly: needsEvents })})
    select
      date_bin(make_interval(secs => ${WIDTH_MS[of.width] / 1000}::integer), u.at, 'epoch') as bucket,
      case when ${groupBy.has('project')}::boolean then u.project end as project,
      case when ${groupBy.has('lineItem')}::boolean then u.model || ', ' || item.class end as "lineItem",
      case when ${groupBy.has('apiKey')}::boolean then u.api_key_id end as "apiKey",
      sum(item.tokens * coalesce(item.picos_per_token, 0)::numeric)::text as cost,
      sum(item.tokens)::text as tokens
    from lines u
    left join prices p on p.id = u.price_id
    cross join lateral (values
      ('input', u.input_tokens, p.input_picos_per_token),
      ('cached input', u.cached_input_tokens, coalesce(p.cached_input_picos_per_token, p.input_picos_per_token)),
      ('output', u.output_tokens, p.output_picos_per_token)
    ) item (class, tokens, picos_per_token)
    where item.tokens <> 0
      and (${projects}::text[] is null or u.project = any(${projects}::text[]))
      and (${apiKeys}::text[] is null or u.api_key_id = any(${apiKeys}::text[]))
    group by 1, 2, 3, 4
    having sum(item.tokens) <> 0 or sum(item.tokens * coalesce(item.picos_per_token, 0)::numeric) <> 0
    order by 1, 2, 3, 4
    limit ${of.rowsMax}::integer`;
  return rows.map(({ cost, tokens, ...row }) => ({
    ...row,
    costPicos: BigInt(cost),
    tokens: BigInt(tokens),
  }));
}
