/**
 * What an entity used in a range of time, as a relation for reports to sum. It comes out of the roundest sums that know the answer:
 * days, then hours, then events, so that a range may begin and end at any second. Hours do not know who called, and nothing but
 * events knows minutes.
 */
import { bucketCeiling, bucketStart, WIDTH_MS, type BucketWidth, type Range } from '../domain/buckets.js';
import { Prisma } from '../platform/prisma/client.js';
import { rollUpLines } from './roll-up-lines.sql.js';

type Order = {
  readonly entity: string;
  readonly range: Range;
  readonly width: BucketWidth;
  /** Who is asked for: users, or keys alone. */
  readonly callers: 'users' | 'keys' | null;
};

/** Columns: at, project, model, operation, user_id, api_key_id, price_id, requests, the three token classes. */
export function usageLines({ entity, range, width, callers }: Order): Prisma.Sql {
  if (width === '1m' || (callers !== null && width === '1h')) return eventLines(entity, range);
  const unit = callers === null ? '1h' : '1d';
  const whole = { start: bucketCeiling(range.start, unit), end: bucketStart(range.end, unit) };
  if (whole.end.getTime() - whole.start.getTime() < WIDTH_MS[unit]) return eventLines(entity, range);
  const edges = [
    { start: range.start, end: whole.start },
    { start: whole.end, end: range.end },
  ].filter(({ start, end }) => start < end);
  const sums =
    callers === null ? namelessLines(entity, whole, width) : callerLines(entity, whole, callers === 'users');
  return Prisma.join([sums, ...edges.map((edge) => eventLines(entity, edge))], ' union all ');
}

function namelessLines(entity: string, range: Range, width: BucketWidth): Prisma.Sql {
  return Prisma.sql`
    select
      at, project, model, operation, null::text as user_id, null::text as api_key_id, price_id,
      requests, input_tokens, cached_input_tokens, output_tokens
    from (${rollUpLines({ entity, range, byHour: width === '1h' })}) rolled`;
}

/** Whole days: rolled up by caller, or out of the events. */
function callerLines(entity: string, { start, end }: Range, byUser: boolean): Prisma.Sql {
  const days = Prisma.sql`
    d.entity = ${entity}::text and d.day >= ${start}::timestamptz and d.day < ${end}::timestamptz`;
  const users = Prisma.sql`
    cross join lateral unnest(
      c.user_ids, c.user_requests, c.user_input_tokens, c.user_cached_input_tokens, c.user_output_tokens
    ) u (user_id, requests, input_tokens, cached_input_tokens, output_tokens)`;
  const figures = byUser
    ? Prisma.sql`u.user_id, c.api_key_id, c.price_id, u.requests, u.input_tokens, u.cached_input_tokens, u.output_tokens`
    : Prisma.sql`null::text as user_id, c.api_key_id, c.price_id, c.requests, c.input_tokens, c.cached_input_tokens, c.output_tokens`;
  return Prisma.sql`
    select c.day as at, c.project, c.model, c.operation, ${figures}
    from usage_days d
    join usage_daily_callers c on c.entity = d.entity and c.day = d.day
    ${byUser ? users : Prisma.empty}
    where ${days} and d.rolled_up
      and c.entity = ${entity}::text and c.day >= ${start}::timestamptz and c.day < ${end}::timestamptz
    union all
    select e.*
    from usage_days d
    cross join lateral (${eventLinesBetween(entity, Prisma.sql`d.day`, Prisma.sql`d.day + interval '24 hours'`)}) e
    where ${days} and not d.rolled_up`;
}

/** Events, and what corrections took out at the old price and put in at the new one. */
export function eventLines(entity: string, { start, end }: Range): Prisma.Sql {
  return eventLinesBetween(entity, Prisma.sql`${start}::timestamptz`, Prisma.sql`${end}::timestamptz`);
}

function eventLinesBetween(entity: string, start: Prisma.Sql, end: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`
    select
      occurred_at as at, project, model, operation, user_id, api_key_id, price_id,
      1::bigint as requests, input_tokens, cached_input_tokens, output_tokens
    from usage_events
    where entity = ${entity}::text and occurred_at >= ${start} and occurred_at < ${end}
    union all
    select
      c.occurred_at, c.project, c.model, e.operation, e.user_id, e.api_key_id, moved.price_id,
      moved.sign, moved.sign * e.input_tokens, moved.sign * e.cached_input_tokens, moved.sign * e.output_tokens
    from usage_corrections c
    join usage_events e on e.occurred_at = c.occurred_at and e.identity = c.identity
    cross join lateral (values (c.old_price_id, -1::bigint), (c.new_price_id, 1::bigint)) moved (price_id, sign)
    where moved.price_id is not null
      and c.entity = ${entity}::text and c.occurred_at >= ${start} and c.occurred_at < ${end}`;
}
