/**
 * What an entity used in a range of time, as a relation for reports to sum. Each part of the range is read from the coarsest sums
 * that can answer: days, then hours, then events. So a range may begin and end at any second. Hours do not know who called, and only
 * events know minutes.
 */
import { bucketCeiling, bucketStart, WIDTH_MS, type BucketWidth, type Range } from '../domain/buckets.js';
import { Prisma } from '../platform/prisma/client.js';
import { rollUpsInRange } from './roll-ups-in-range.sql.js';

type UsageScope = {
  readonly entity: string;
  readonly range: Range;
  readonly width: BucketWidth;
  /** Which callers the report tells apart: users, API keys only, or none. */
  readonly callers: 'users' | 'keys' | null;
};

const COUNTED = Prisma.sql`
  occurred_at as at, project, model, operation, service_tier, user_id, api_key_id, rate_id,
  requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, other_quantities`;

/**
 * Columns: at, project, model, operation, service_tier, user_id, api_key_id, rate_id, requests, and the five columns of quantities. By
 * user the reasoning tokens are null: days know them by key only.
 */
export function usageInRange(of: UsageScope): Prisma.Sql {
  const { entity, width, callers } = of;
  const { whole, events } = partsOf(of);
  if (whole === null) return fromEvents(entity, of.range);
  const sums =
    callers === null ? fromRollUps(entity, whole, width) : fromCallerDays(entity, whole, callers === 'users');
  return Prisma.join([sums, ...events.map((edge) => fromEvents(entity, edge))], ' union all ');
}

/** The parts of the range that are read from events, which may have been dropped. */
export function rangesOfEvents(of: Omit<UsageScope, 'entity'>): readonly Range[] {
  return partsOf(of).events;
}

function partsOf({ range, width, callers }: Omit<UsageScope, 'entity'>): {
  whole: Range | null;
  events: readonly Range[];
} {
  const byEvents = { whole: null, events: [range] };
  if (width === '1m' || (callers !== null && width === '1h')) return byEvents;
  const unit = callers === null ? '1h' : '1d';
  const whole = { start: bucketCeiling(range.start, unit), end: bucketStart(range.end, unit) };
  if (whole.end.getTime() - whole.start.getTime() < WIDTH_MS[unit]) return byEvents;
  const edges = [
    { start: range.start, end: whole.start },
    { start: whole.end, end: range.end },
  ];
  return { whole, events: edges.filter(({ start, end }) => start < end) };
}

function fromRollUps(entity: string, range: Range, width: BucketWidth): Prisma.Sql {
  return Prisma.sql`
    select
      at, project, model, operation, service_tier, null::text as user_id, null::text as api_key_id, rate_id,
      requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, other_quantities
    from (${rollUpsInRange({ entity, range, byHour: width === '1h' })}) rolled_up`;
}

/**
 * Whole days by caller, each from its roll-up or, where that is not up to date, from its events. Of a day whose events were dropped the
 * roll-up of them counts in any case, and what came late beside it. `offset 0` makes Postgres read the
 * events day by day: joined freely it would read all of the entity's events first.
 */
function fromCallerDays(entity: string, { start, end }: Range, byUser: boolean): Prisma.Sql {
  const days = Prisma.sql`
    d.entity = ${entity}::text and d.day >= ${start}::timestamptz and d.day < ${end}::timestamptz`;
  const users = Prisma.sql`
    cross join lateral unnest(
      c.user_ids, c.user_requests, c.user_input_tokens, c.user_cached_input_tokens, c.user_output_tokens,
      c.user_other_quantities
    ) u (user_id, requests, input_tokens, cached_input_tokens, output_tokens, other_quantities)`;
  const figures = byUser
    ? Prisma.sql`
        u.user_id, c.api_key_id, c.rate_id, u.requests, u.input_tokens, u.cached_input_tokens, u.output_tokens,
        null::bigint as reasoning_tokens, u.other_quantities`
    : Prisma.sql`
        null::text as user_id, c.api_key_id, c.rate_id, c.requests, c.input_tokens, c.cached_input_tokens, c.output_tokens,
        c.reasoning_tokens, c.other_quantities`;
  return Prisma.sql`
    select c.day as at, c.project, c.model, c.operation, c.service_tier, ${figures}
    from usage_days d
    join usage_daily_callers c on c.entity = d.entity and c.day = d.day
    ${byUser ? users : Prisma.empty}
    where ${days} and (d.rolled_up or (c.place > 0 and is_dropped(d.day)))
      and c.entity = ${entity}::text and c.day >= ${start}::timestamptz and c.day < ${end}::timestamptz
    union all
    select e.*
    from usage_days d
    cross join lateral (
      select ${COUNTED}
      from counted_usage
      where entity = ${entity}::text and occurred_at >= d.day and occurred_at < d.day + interval '24 hours'
      offset 0
    ) e
    where ${days} and not d.rolled_up`;
}

function fromEvents(entity: string, { start, end }: Range): Prisma.Sql {
  return Prisma.sql`
    select ${COUNTED}
    from counted_usage
    where entity = ${entity}::text and occurred_at >= ${start}::timestamptz and occurred_at < ${end}::timestamptz`;
}
