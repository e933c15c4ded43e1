/**
 * What an entity used in a range of time, as a relation for reports to sum. Whole hours come out of the roll-ups; the parts of an
 * hour at both ends come out of the events, so that a range may begin and end at any second. Whoever asks for what roll-ups do
 * not know (users, keys, minutes) gets events alone.
 */
import { bucketCeiling, bucketStart, type Range } from '../domain/buckets.js';
import { Prisma } from './prisma/client.js';

/** Columns: at, project, model, operation, user_id, api_key_id, price_id, requests, the three token classes. */
export function usageLines(of: { entity: string; range: Range; eventsOnly: boolean }): Prisma.Sql {
  const { entity, range } = of;
  const hours = { start: bucketCeiling(range.start, '1h'), end: bucketStart(range.end, '1h') };
  if (of.eventsOnly || hours.start >= hours.end) return eventLines(entity, range);
  const edges = [
    { start: range.start, end: hours.start },
    { start: hours.end, end: range.end },
  ].filter(({ start, end }) => start < end);
  const parts = [rollUpLines(entity, hours), ...edges.map((edge) => eventLines(entity, edge))];
  return Prisma.join(parts, ' union all ');
}

function rollUpLines(entity: string, { start, end }: Range): Prisma.Sql {
  return Prisma.sql`
    select
      hour as at, project, model, operation, null::text as user_id, null::text as api_key_id, price_id,
      requests, input_tokens, cached_input_tokens, output_tokens
    from usage_hourly
    where entity = ${entity}::text and hour >= ${start}::timestamptz and hour < ${end}::timestamptz`;
}

/** Events, and what corrections took out at the old price and put in at the new one. */
function eventLines(entity: string, { start, end }: Range): Prisma.Sql {
  return Prisma.sql`
    select
      occurred_at as at, project, model, operation, user_id, api_key_id, price_id,
      1::bigint as requests, input_tokens, cached_input_tokens, output_tokens
    from usage_events
    where entity = ${entity}::text and occurred_at >= ${start}::timestamptz and occurred_at < ${end}::timestamptz
    union all
    select
      c.occurred_at, c.project, c.model, e.operation, e.user_id, e.api_key_id, moved.price_id,
      moved.sign, moved.sign * e.input_tokens, moved.sign * e.cached_input_tokens, moved.sign * e.output_tokens
    from usage_corrections c
    join usage_events e on e.occurred_at = c.occurred_at and e.identity = c.identity
    cross join lateral (values (c.old_price_id, -1::bigint), (c.new_price_id, 1::bigint)) moved (price_id, sign)
    where moved.price_id is not null
      and c.entity = ${entity}::text and c.occurred_at >= ${start}::timestamptz and c.occurred_at < ${end}::timestamptz`;
}
