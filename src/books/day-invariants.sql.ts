/** The invariants of roll-ups by day: each adds up to its hours, its keys and their users. */
import { Prisma } from '../platform/prisma/client.js';
import type { Check } from './debt-invariants.sql.js';
import { QUANTITY_TOTAL, WEIGHTED_TOTAL } from './roll-up-invariants.sql.js';

/** Compares the days that are rolled up with their hours. */
function dayCheck(name: string, amount: Prisma.Sql): Check {
  const key = Prisma.sql`jsonb_build_object(
    'entity', entity, 'day', day, 'project', project, 'model', model, 'period', period, 'rate_id', rate_id)`;
  return {
    name,
    left: Prisma.sql`
      select ${key} as key, amount from (
        select d.entity, d.day, project, model, period, rate_id, ${amount} as amount
        from hourly_usage u join usage_days d on d.entity = u.entity and d.day = date_trunc('day', u.hour, 'UTC')
        where d.rolled_up group by d.entity, d.day, project, model, period, rate_id
      ) h`,
    right: Prisma.sql`
      select ${key} as key, ${amount} as amount
      from usage_days join usage_daily using (entity, day)
      where rolled_up group by entity, day, project, model, period, rate_id`,
  };
}

/** Compares the days that are rolled up with those by key. */
function callerCheck(name: string, amount: Prisma.Sql): Check {
  const key = Prisma.sql`jsonb_build_object(
    'entity', entity, 'day', day, 'project', project, 'model', model, 'rate_id', rate_id)`;
  return {
    name,
    left: Prisma.sql`
      select ${key} as key, ${amount} as amount from usage_days join usage_daily using (entity, day)
      where rolled_up group by entity, day, project, model, rate_id`,
    right: Prisma.sql`
      select ${key} as key, ${amount} as amount from usage_days join usage_daily_callers using (entity, day)
      where rolled_up group by entity, day, project, model, rate_id`,
  };
}

export const DAY_CHECKS: readonly Check[] = [
  {
    name: 'days with usage are known',
    left: Prisma.sql`
      select distinct jsonb_build_object('entity', entity, 'day', date_trunc('day', hour, 'UTC')) as key, 1 as amount
      from hourly_usage`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'day', day) as key, 1 as amount
      from usage_days d
      where exists (
        select from hourly_usage u where u.entity = d.entity and u.hour >= d.day and u.hour < d.day + interval '24 hours'
      )`,
  },
  dayCheck('roll-ups by hour equal those by day: cost', Prisma.sql`sum(cost_picos)`),
  dayCheck('roll-ups by hour equal those by day: quantities', Prisma.sql`sum(${QUANTITY_TOTAL})`),
  dayCheck(
    'roll-ups by hour equal those by day: quantities, weighted by meter',
    Prisma.sql`sum(${WEIGHTED_TOTAL})`,
  ),
  callerCheck('roll-ups by day equal those by key: quantities', Prisma.sql`sum(${QUANTITY_TOTAL})`),
  callerCheck(
    'roll-ups by day equal those by key: quantities, weighted by meter',
    Prisma.sql`sum(${WEIGHTED_TOTAL})`,
  ),
  {
    name: 'roll-ups by key equal those by user: quantities',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'day', day, 'place', place) as key,
        ${QUANTITY_TOTAL} as amount
      from usage_days join usage_daily_callers using (entity, day) where rolled_up`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'day', day, 'place', place) as key, (
        select sum(u.tokens) from unnest(user_input_tokens || user_cached_input_tokens || user_output_tokens) u (tokens)
      ) + (
        select coalesce(sum(other_total(u.other)), 0) from unnest(user_other_quantities) u (other)
      ) as amount
      from usage_days join usage_daily_callers using (entity, day) where rolled_up`,
  },
];
