/**
 * The invariants as queries. Each compares two ways of knowing the same amount and lists where they differ; all run in
 * one snapshot, so traffic in between is no difference.
 */
import { Prisma } from './prisma/client.js';
import type { Tx } from './database.js';

export type Comparison = {
  readonly left: string;
  readonly right: string;
  readonly differences: readonly Record<string, unknown>[];
};

/** At most so many differences are listed; the totals speak for the rest. */
const DIFFERENCES_MAX = 100;

/** Full joins two relations with the columns `key`, `amount` (numeric) and compares amount by key. */
async function compare(tx: Tx, left: Prisma.Sql, right: Prisma.Sql): Promise<Comparison> {
  const [row] = await tx.$queryRaw<[Comparison]>`
    with l as materialized (${left}), r as materialized (${right})
    select
      (select coalesce(sum(amount), 0)::text from l) as left,
      (select coalesce(sum(amount), 0)::text from r) as right,
      (
        select coalesce(jsonb_agg(d), '[]') from (
          select coalesce(l.key, r.key) as key, coalesce(l.amount, 0)::text as left, coalesce(r.amount, 0)::text as right
          from l full join r on r.key = l.key
          where coalesce(l.amount, 0) <> coalesce(r.amount, 0)
          order by 1
          limit ${DIFFERENCES_MAX}::integer
        ) d
      ) as differences`;
  return row;
}

type Check = { readonly name: string; readonly left: Prisma.Sql; readonly right: Prisma.Sql };

/** One sum of a roll-up row against the same sum of its events. */
function rollUpCheck(name: string, ofEvents: Prisma.Sql, ofRollUps: Prisma.Sql): Check {
  const key = Prisma.sql`jsonb_build_object(
    'entity', entity, 'hour', hour, 'project', project, 'model', model, 'operation', operation, 'period', period,
    'price_id', price_id)`;
  return {
    name,
    left: Prisma.sql`
      select ${key} as key, amount from (
        select entity, date_trunc('hour', occurred_at, 'UTC') as hour, project, model, operation, period, price_id,
          ${ofEvents} as amount
        from usage_events group by 1, 2, 3, 4, 5, 6, 7
      ) e`,
    right: Prisma.sql`select ${key} as key, ${ofRollUps} as amount from usage_hourly`,
  };
}

/** Identities are pruned some time after the acceptance window of 35 days; inside it each event has one. */
const IDENTITIES_SINCE = Prisma.sql`(select max(booked_at) - interval '35 days' from usage_events)`;

const CHECKS: readonly Check[] = [
  {
    name: 'every event has its identity',
    left: Prisma.sql`
      select to_jsonb(identity) as key, 1::numeric as amount from usage_events where booked_at >= ${IDENTITIES_SINCE}`,
    right: Prisma.sql`
      select to_jsonb(identity) as key, 1::numeric as amount from usage_identities where booked_at >= ${IDENTITIES_SINCE}`,
  },
  rollUpCheck('events equal roll-ups: requests', Prisma.sql`count(*)`, Prisma.sql`requests`),
  rollUpCheck(
    'events equal roll-ups: tokens',
    Prisma.sql`sum(input_tokens + cached_input_tokens + output_tokens)`,
    Prisma.sql`(input_tokens + cached_input_tokens + output_tokens)`,
  ),
  rollUpCheck('events equal roll-ups: cost', Prisma.sql`sum(cost_picos)`, Prisma.sql`cost_picos`),
  rollUpCheck(
    'events equal roll-ups: burnt',
    Prisma.sql`sum(burnt_picos)`,
    Prisma.sql`(paid_burnt_picos + promotional_burnt_picos)`,
  ),
  {
    name: 'tokens times unit price equal cost',
    left: Prisma.sql`
      select jsonb_build_object('entity', u.entity, 'price_id', u.price_id) as key,
        sum(
          u.input_tokens * p.input_picos_per_token::numeric
          + u.cached_input_tokens * coalesce(p.cached_input_picos_per_token, p.input_picos_per_token)::numeric
          + u.output_tokens * p.output_picos_per_token::numeric
        ) as amount
      from usage_hourly u join prices p on p.id = u.price_id group by u.entity, u.price_id`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'price_id', price_id) as key, sum(cost_picos) as amount
      from usage_hourly group by entity, price_id`,
  },
  {
    name: 'roll-ups equal spend of projects',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'period', period, 'project', project) as key, sum(cost_picos) as amount
      from usage_hourly group by entity, period, project`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'period', period, 'project', project) as key, cost_picos as amount
      from project_spend`,
  },
  {
    name: 'spend of projects equals spend of entities',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'period', period) as key, sum(cost_picos) as amount
      from project_spend group by entity, period`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'period', period) as key, cost_picos as amount from entity_spend`,
  },
  {
    name: 'cost of events equals burns plus overage',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'period', period) as key, sum(cost_picos) as amount
      from usage_events group by entity, period`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'period', period) as key, sum(amount_picos) as amount
      from burns group by entity, period`,
  },
  {
    name: 'burnt part of events equals burns of grants',
    left: Prisma.sql`
      select jsonb_build_object('entity', e.entity, 'grant', b.key) as key, sum(b.value::numeric) as amount
      from usage_events e, jsonb_each_text(e.burns) b group by e.entity, b.key`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'grant', grant_id) as key, sum(amount_picos) as amount
      from burns where grant_id is not null group by entity, grant_id`,
  },
  {
    name: 'burns equal what grants say was burnt',
    left: Prisma.sql`
      select to_jsonb(grant_id) as key, sum(amount_picos) as amount
      from burns where grant_id is not null group by grant_id`,
    right: Prisma.sql`select to_jsonb(id) as key, burnt_picos as amount from credit_grants`,
  },
  {
    name: 'ledger and open hours equal what grants have left',
    left: Prisma.sql`
      select key, sum(amount) as amount from (
        select to_jsonb(grant_id) as key,
          case when credit_account = 'credits:' || grant_id then amount_picos else -amount_picos end as amount
        from ledger_entries where grant_id is not null
        union all
        select to_jsonb(grant_id), -amount_picos from burns where grant_id is not null and not posted
      ) moved group by key`,
    right: Prisma.sql`select to_jsonb(id) as key, remaining_picos as amount from credit_grants`,
  },
  {
    name: 'ledger holds every closed hour',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'hour', booked_hour, 'period', period, 'grant', grant_id) as key,
        amount_picos as amount
      from burns where posted`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'hour', booked_hour, 'period', period, 'grant', grant_id) as key,
        amount_picos as amount
      from ledger_entries where booked_hour is not null`,
  },
];

export async function runChecks(tx: Tx): Promise<(Comparison & { readonly name: string })[]> {
  const results = [];
  for (const { name, left, right } of CHECKS) results.push({ name, ...(await compare(tx, left, right)) });
  return results;
}
