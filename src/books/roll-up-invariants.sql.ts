/**
 * Compares roll-ups with their events: all sums in one pass, because reading millions of events is what takes the time, and row by
 * row, so that errors in two hours cannot cancel out.
 */
import { METERS, USUAL_METERS, type Meter } from '../domain/meters.js';
import { Prisma } from '../platform/prisma/client.js';
import { pgArray } from '../platform/pg-array.js';
import type { Tx } from '../platform/database.js';

export type Comparison = {
  readonly left: string;
  readonly right: string;
  readonly differences: readonly Record<string, unknown>[];
};

/** The most differences that are listed; the totals contain them all. */
export const DIFFERENCES_MAX = 100;

export const HOURLY_KEY = Prisma.sql`entity, hour, project, model, operation, service_tier, period, rate_id`;

/** All quantities of a row together: the output holds the reasoning. */
export const QUANTITY_TOTAL = Prisma.sql`(
  input_tokens + cached_input_tokens + output_tokens + other_total(other_quantities)
)`;

/** Such that what moves from one meter to others changes the weighted total. */
function weightOf(meter: Meter): number {
  return 1_000 + METERS.indexOf(meter) ** 3;
}

const OTHER_WEIGHTS = JSON.stringify(
  Object.fromEntries(
    METERS.filter((meter) => !USUAL_METERS.some((usual) => usual === meter)).map((meter) => [
      meter,
      String(weightOf(meter)),
    ]),
  ),
);

/** The quantities of a row, each times the weight of its meter. */
export const WEIGHTED_TOTAL = Prisma.sql`(
  input_tokens * ${weightOf('input')}::bigint + cached_input_tokens * ${weightOf('cached_input')}::bigint
  + (output_tokens - reasoning_tokens) * ${weightOf('output')}::bigint + reasoning_tokens * ${weightOf('reasoning')}::bigint
  + case when other_quantities is null then 0 else cost_at(${OTHER_WEIGHTS}::jsonb, 0, 0, 0, 0, 0, other_quantities) end
)`;

const SUMS = ['requests', 'quantities', 'quantities, weighted by meter', 'cost', 'burnt'] as const;

type Row = { name: (typeof SUMS)[number] } & Comparison;

/** A month whose events were dropped is compared as a whole, with what stays of it and what came late to it. */
const HOUR = (at: Prisma.Sql): Prisma.Sql => Prisma.sql`
  case when dropped.month is null then date_trunc('hour', ${at}, 'UTC') else date_trunc('month', ${at}, 'UTC') end as hour`;
const DROPPED = (at: Prisma.Sql): Prisma.Sql => Prisma.sql`
  left join dropped_months dropped on dropped.month = to_char(${at} at time zone 'UTC', 'YYYY-MM')`;

const FIGURES = Prisma.sql`
  sum(requests)::numeric as requests, sum(quantities)::numeric as quantities, sum(weighted)::numeric as weighted, sum(cost) as cost,
  sum(burnt) as burnt`;

/** `scope` begins the statement's `with`. */
export async function compareRollUps(
  tx: Tx,
  scope: Prisma.Sql,
): Promise<(Comparison & { readonly name: string })[]> {
  const rows = await tx.$queryRaw<Row[]>`
    ${scope}, e as materialized (
      select ${HOURLY_KEY}, ${FIGURES}
      from (
        select
          entity, ${HOUR(Prisma.sql`u.occurred_at`)}, project, model, operation, service_tier, period, rate_id, requests,
          ${QUANTITY_TOTAL} as quantities, ${WEIGHTED_TOTAL} as weighted, u.cost_picos as cost, burnt_picos as burnt
        from counted_usage u ${DROPPED(Prisma.sql`u.occurred_at`)}
        union all
        select
          entity, to_date(month, 'YYYY-MM')::timestamp at time zone 'UTC', project, model, operation, service_tier, period, rate_id,
          requests, ${QUANTITY_TOTAL}, ${WEIGHTED_TOTAL}, cost_picos, burnt_picos
        from dropped_usage
      ) u group by ${HOURLY_KEY}
    ), r as (
      select ${HOURLY_KEY}, ${FIGURES}
      from (
        select
          entity, ${HOUR(Prisma.sql`u.hour`)}, project, model, operation, service_tier, period, rate_id, requests,
          ${QUANTITY_TOTAL} as quantities, ${WEIGHTED_TOTAL} as weighted, u.cost_picos as cost,
          paid_burnt_picos + promotional_burnt_picos as burnt
        from hourly_usage u ${DROPPED(Prisma.sql`u.hour`)}
      ) u group by ${HOURLY_KEY}
    ), differing as materialized (
      select ${HOURLY_KEY},
        array[coalesce(e.requests, 0), coalesce(e.quantities, 0), coalesce(e.weighted, 0), coalesce(e.cost, 0), coalesce(e.burnt, 0)] as counted,
        array[coalesce(r.requests, 0), coalesce(r.quantities, 0), coalesce(r.weighted, 0), coalesce(r.cost, 0), coalesce(r.burnt, 0)] as rolled_up
      from e full join r using (${HOURLY_KEY})
      where (coalesce(e.requests, 0), coalesce(e.quantities, 0), coalesce(e.weighted, 0), coalesce(e.cost, 0), coalesce(e.burnt, 0))
        <> (coalesce(r.requests, 0), coalesce(r.quantities, 0), coalesce(r.weighted, 0), coalesce(r.cost, 0), coalesce(r.burnt, 0))
    ), totals as (
      select
        (select array[sum(requests), sum(quantities), sum(weighted), sum(cost), sum(burnt)] from e) as counted,
        (select array[sum(requests), sum(quantities), sum(weighted), sum(cost), sum(burnt)] from r) as rolled_up
    )
    select
      s.name, coalesce(t.counted[s.place], 0)::text as left, coalesce(t.rolled_up[s.place], 0)::text as right,
      (
        select coalesce(jsonb_agg(d), '[]') from (
          select
            jsonb_build_object(
              'entity', entity, 'hour', hour, 'project', project, 'model', model, 'operation', operation,
              'service_tier', service_tier, 'period', period, 'rate_id', rate_id
            ) as key,
            counted[s.place]::text as left, rolled_up[s.place]::text as right
          from differing
          where counted[s.place] <> rolled_up[s.place]
          order by ${HOURLY_KEY}
          limit ${DIFFERENCES_MAX}::integer
        ) d
      ) as differences
    from totals t cross join unnest(${pgArray(SUMS.slice())}::text[]) with ordinality as s (name, place)
    order by s.place`;
  return rows.map(({ name, ...row }) => ({ name: `events equal roll-ups: ${name}`, ...row }));
}
