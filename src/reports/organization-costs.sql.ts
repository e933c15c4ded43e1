/** Costs by time bucket and group: the quantity of each meter times the unit price of its rate, never rounded. */
import { WIDTH_MS, type BucketWidth, type Range } from '../domain/buckets.js';
import type { Meter } from '../domain/meters.js';
import { requireEvents } from '../metering/dropped-months.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';
import { rangesOfEvents, usageInRange } from './usage-in-range.sql.js';

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
  readonly lineItem: LineItem | null;
  readonly apiKey: string | null;
  readonly costPicos: bigint;
  /** Of the line item's meter. Without line items it means nothing. */
  readonly quantity: bigint;
};

export type LineItem = { readonly model: string; readonly meter: Meter };

type RawRow = Pick<BucketedCost, 'bucket' | 'project' | 'apiKey'> & {
  model: string | null;
  meter: Meter | null;
} & Record<'cost' | 'quantity', string>;

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
  for (const { start: from, end: to } of rangesOfEvents({ ...of, callers }))
    await requireEvents(tx, { entity: of.entity, from, to, param: 'start_time' });
  const rows = await tx.$queryRaw<RawRow[]>`
    with lines as (${usageInRange({ ...of, callers })}), rated as (
      select
        date_bin(make_interval(secs => ${WIDTH_MS[of.width] / 1000}::integer), at, 'epoch') as bucket,
        case when ${groupBy.has('project')}::boolean then project end as project,
        case when ${groupBy.has('lineItem')}::boolean then model end as model,
        case when ${groupBy.has('apiKey')}::boolean then api_key_id end as "apiKey",
        rate_id, sum(requests) as requests, sum(input_tokens) as input, sum(cached_input_tokens) as cached_input,
        sum(output_tokens) as output, sum(reasoning_tokens) as reasoning, sum_quantities(other_quantities) as other
      from lines
      where (${pgArray(projects)}::text[] is null or project = any(${pgArray(projects)}::text[]))
        and (${pgArray(apiKeys)}::text[] is null or api_key_id = any(${pgArray(apiKeys)}::text[]))
      group by 1, 2, 3, 4, rate_id
    ), items as (
      select
        u.bucket, u.project, u.model, u."apiKey", item.quantity,
        case when ${groupBy.has('lineItem')}::boolean then item.meter end as meter,
        item.quantity * coalesce((r.unit_prices ->> item.meter)::numeric, 0) as cost
      from rated u
      left join rates r on r.id = u.rate_id
      cross join lateral (
        values
          ('input', u.input), ('cached_input', u.cached_input), ('output', u.output - u.reasoning),
          ('reasoning', u.reasoning), ('request', case when (r.unit_prices ->> 'request') is not null then u.requests end)
        union all
        select key, value::numeric from jsonb_each_text(u.other)
      ) item (meter, quantity)
      where item.quantity <> 0
    )
    select
      bucket, project, model, meter, "apiKey", sum(cost)::text as cost, sum(quantity)::text as quantity
    from items
    group by 1, 2, 3, 4, 5
    having sum(quantity) <> 0 or sum(cost) <> 0
    order by bucket, project, model, meter collate "C", "apiKey"
    limit ${of.rowsMax}::integer`;
  return rows.map((row) => ({
    bucket: row.bucket,
    project: row.project,
    lineItem: row.model === null || row.meter === null ? null : { model: row.model, meter: row.meter },
    apiKey: row.apiKey,
    costPicos: BigInt(row.cost),
    quantity: BigInt(row.quantity),
  }));
}
