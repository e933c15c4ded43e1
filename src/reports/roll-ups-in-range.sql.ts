/**
 * Roll-ups in a range of hours, as a relation for reports to sum: a day's row where the whole day lies in the range and is rolled up,
 * otherwise the rows of its hours. The sums are the same; a year of days has a thirtieth of the rows.
 */
import { bucketCeiling, bucketStart, type Range } from '../domain/buckets.js';
import { Prisma } from '../platform/prisma/client.js';

/** What a reader needs of a roll-up, and the relation of hours that has it. */
type Columns = { readonly figures: Prisma.Sql; readonly hours: Prisma.Sql };

const ALL: Columns = {
  figures: Prisma.sql`
  u.project, u.model, u.operation, u.service_tier, u.period, u.rate_id,
  u.requests, u.input_tokens, u.cached_input_tokens, u.output_tokens, u.reasoning_tokens, u.other_quantities,
  u.cost_picos, u.paid_burnt_picos, u.promotional_burnt_picos`,
  hours: Prisma.sql`hourly_usage`,
};

/** Without the series, whose join takes longer than the sum. */
const COSTS: Columns = { figures: Prisma.sql`u.period, u.cost_picos`, hours: Prisma.sql`usage_hourly` };

/** A name, or an expression of the query around the relation. */
type Entity = string | Prisma.Sql;

type Rows = { readonly entity: Entity; readonly range: Range; readonly columns: Columns };

/** Columns: at (the start of the hour or day) and those of a roll-up. The range is of whole hours; `byHour` reads no days. */
export function rollUpsInRange(of: { entity: Entity; range: Range; byHour?: boolean }): Prisma.Sql {
  return of.byHour === true ? fromHours({ ...of, columns: ALL }) : fromDaysAndHours({ ...of, columns: ALL });
}

/** The same with no columns but at, period and cost_picos. */
export function costsInRange(of: { entity: Entity; range: Range }): Prisma.Sql {
  return fromDaysAndHours({ ...of, columns: COSTS });
}

function fromDaysAndHours(of: Rows): Prisma.Sql {
  const { range } = of;
  const days = { start: bucketCeiling(range.start, '1d'), end: bucketStart(range.end, '1d') };
  if (days.start >= days.end) return fromHours(of);
  const edges = [
    { start: range.start, end: days.start },
    { start: days.end, end: range.end },
  ].filter(({ start, end }) => start < end);
  const parts = [fromDays({ ...of, range: days }), ...edges.map((edge) => fromHours({ ...of, range: edge }))];
  return Prisma.join(parts, ' union all ');
}

function fromDays({ entity, range: { start, end }, columns: { figures, hours } }: Rows): Prisma.Sql {
  return Prisma.sql`
    select d.day as at, ${figures}
    from usage_daily u
    join usage_days d on d.entity = u.entity and d.day = u.day
    where u.entity = ${entity}::text and u.day >= ${start}::timestamptz and u.day < ${end}::timestamptz and d.rolled_up
    union all
    select u.hour as at, ${figures}
    from usage_days d
    join ${hours} u on u.entity = d.entity and u.hour >= d.day and u.hour < d.day + interval '24 hours'
    where d.entity = ${entity}::text and d.day >= ${start}::timestamptz and d.day < ${end}::timestamptz and not d.rolled_up
      and u.entity = ${entity}::text`;
}

function fromHours({ entity, range: { start, end }, columns: { figures, hours } }: Rows): Prisma.Sql {
  return Prisma.sql`
    select u.hour as at, ${figures}
    from ${hours} u
    where u.entity = ${entity}::text and u.hour >= ${start}::timestamptz and u.hour < ${end}::timestamptz`;
}
