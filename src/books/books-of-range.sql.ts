/** What the checks of a range of entities see: its rows alone. */
import type { EntityRange } from '../accounts/entity-ranges.js';
import { pgArray } from '../platform/pg-array.js';
import { Prisma } from '../platform/prisma/client.js';

/** The least and the greatest identity of the range. */
export function identitiesOf({ from, to }: EntityRange): { least: string; greatest: string } {
  return {
    least: `${from}0000-0000-0000-0000-000000000000`,
    greatest: `${to}ffff-ffff-ffff-ffff-ffffffffffff`,
  };
}

/** What belongs to an entity, in tables and views that have a column `entity`. */
const OF_ENTITIES = [
  'burn_reversals',
  'burns',
  'closed_periods',
  'counted_usage',
  'credit_grants',
  'debts',
  'dropped_burns',
  'dropped_events',
  'dropped_usage',
  'entity_spend',
  'hourly_usage',
  'ledger_entries',
  'net_burns',
  'project_spend',
  'rated_events',
  'usage_corrections',
  'usage_daily',
  'usage_daily_callers',
  'usage_days',
  'usage_events',
] as const;

/**
 * Begins a `with`: in the statement that follows, the names above mean the rows of these entities alone. So a check is written as if
 * there were no ranges, and cannot forget them.
 */
export function withEntities(entities: readonly string[]): Prisma.Sql {
  const shadows = OF_ENTITIES.map(
    (name) => `${name} as not materialized (
      select * from ${name} where entity = any((select names from entities_in_range)::text[])
    )`,
  );
  return Prisma.sql`with entities_in_range as (select ${pgArray(entities)}::text[] as names), ${Prisma.raw(shadows.join(', '))}`;
}

/** When it occurred, in tables and views that know it. */
const OF_TIMES = {
  counted_usage: 'occurred_at',
  hourly_usage: 'hour',
  rated_events: 'occurred_at',
  usage_corrections: 'occurred_at',
  usage_events: 'occurred_at',
} as const;

/** The same for what occurred from one time on and before another, of all entities. */
export function withTimes({ from, to }: { from: Date; to: Date }): Prisma.Sql {
  const shadows = Object.entries(OF_TIMES).map(
    ([name, at]) => Prisma.sql`${Prisma.raw(name)} as not materialized (
      select * from ${Prisma.raw(name)}
      where ${Prisma.raw(at)} >= ${from}::timestamptz and ${Prisma.raw(at)} < ${to}::timestamptz
    )`,
  );
  // The month has no record yet.
  const dropped = Prisma.sql`dropped_usage as not materialized (select * from dropped_usage where false)`;
  return Prisma.sql`with ${Prisma.join([...shadows, dropped], ', ')}`;
}
