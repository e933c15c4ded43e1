/** The invariants of what stays of months whose events were dropped. */
import { Prisma } from '../platform/prisma/client.js';
import type { Check } from './debt-invariants.sql.js';

/** Corrections of the month that were booked before its events were dropped. */
const CORRECTIONS = Prisma.sql`
  usage_corrections c join dropped_months m
    on m.month = to_char(c.occurred_at at time zone 'UTC', 'YYYY-MM') and c.id <= m.last_correction`;

export const DROPPED_CHECKS: readonly Check[] = [
  {
    name: 'corrections of dropped events are those of their record',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'month', month) as key, corrected_picos + corrections as amount
      from dropped_events where corrections > 0`,
    right: Prisma.sql`
      select jsonb_build_object('entity', c.entity, 'month', m.month) as key,
        sum(c.new_cost_picos - c.old_cost_picos) + count(*) as amount
      from ${CORRECTIONS} group by c.entity, m.month`,
  },
  {
    name: 'requests of dropped events are those of their record',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'month', month) as key, sum(requests) as amount
      from dropped_usage group by entity, month`,
    right: Prisma.sql`
      select jsonb_build_object('entity', d.entity, 'month', d.month) as key, d.events + coalesce((
        select sum(c.requests) from ${CORRECTIONS} where c.entity = d.entity and m.month = d.month
      ), 0) as amount
      from dropped_events d`,
  },
];
