/**
 * The invariants of the books, as queries. Each computes one amount in two ways and lists where the two differ. All of a range of entities
 * run in one snapshot, so traffic in the meantime makes no difference.
 */
import { DAY_MS } from '../domain/buckets.js';
import { Prisma } from '../platform/prisma/client.js';
import type { Tx } from '../platform/database.js';
import { allowLongReading } from '../platform/long-reading.js';
import { checkChains } from '../access/chains.js';
import { readEntitiesOf, type EntityRange } from '../accounts/entity-ranges.js';
import { identitiesOf, withEntities, withTimes } from './books-of-range.sql.js';
import { DAY_CHECKS } from './day-invariants.sql.js';
import { DEBT_CHECKS, owedCheck, type Check } from './debt-invariants.sql.js';
import { compareRollUps, DIFFERENCES_MAX, type Comparison } from './roll-up-invariants.sql.js';
import { DROPPED_CHECKS } from './dropped-invariants.sql.js';
import { LACKING_A_PRICE, WAITING } from './waiting-usage-invariant.sql.js';

/** Compares two relations with the columns `key` and `amount` (numeric), key by key. */
async function compare(tx: Tx, scope: Prisma.Sql, { left, right }: Omit<Check, 'name'>): Promise<Comparison> {
  const [row] = await tx.$queryRaw<[Comparison]>`
    ${scope}, l as materialized (${left}), r as materialized (${right})
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

/** Identities are pruned after the acceptance window of 35 days; within it every event has one. */
const IDENTITIES_DAYS = 35;

function identityCheck(range: EntityRange, at: Date): Check {
  const since = new Date(at.getTime() - IDENTITIES_DAYS * DAY_MS);
  const { least, greatest } = identitiesOf(range);
  return {
    name: 'every event has its identity',
    left: Prisma.sql`
      select identity as key, 1 as amount from usage_events where occurred_at >= ${since}::timestamptz`,
    right: Prisma.sql`
      select identity as key, 1 as amount from usage_identities
      where identity between ${least}::uuid and ${greatest}::uuid and occurred_at >= ${since}::timestamptz`,
  };
}

/** Only events that still exist. Corrections of dropped events are summed in the month's record. */
const CORRECTIONS_START: Check = {
  name: 'corrections start from what their events cost',
  left: Prisma.sql`
    select to_jsonb(c.identity) as key, e.cost_picos + sum(c.new_cost_picos - c.old_cost_picos) as amount
    from usage_corrections c
    join usage_events e on e.entity = c.entity and e.occurred_at = c.occurred_at and e.identity = c.identity
    group by c.entity, c.identity, e.cost_picos`,
  right: Prisma.sql`
    select to_jsonb(c.identity) as key, (array_agg(new_cost_picos order by c.id desc))[1] as amount
    from usage_corrections c
    where not exists (
      select from dropped_months d
      where d.month = to_char(c.occurred_at at time zone 'UTC', 'YYYY-MM') and c.id <= d.last_correction
    )
    group by c.entity, c.identity`,
};

const WAITING_USAGE: Check = {
  name: 'usage that lacks a price waits for it',
  left: LACKING_A_PRICE,
  right: WAITING,
};

const CHECKS: readonly Check[] = [
  CORRECTIONS_START,
  {
    name: 'corrections move what they change',
    left: Prisma.sql`
      select jsonb_build_object('entity', c.entity, 'id', c.id) as key, sum((m ->> 'picos')::numeric) as amount
      from usage_corrections c, jsonb_array_elements(c.movements) m group by c.entity, c.id`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'id', id) as key, new_cost_picos - old_cost_picos as amount
      from usage_corrections`,
  },
  {
    // By meter, of each rate: sums of quantities cost what the sums of their events cost.
    name: 'quantities times unit prices equal cost',
    left: Prisma.sql`
      select jsonb_build_object('entity', u.entity, 'rate_id', u.rate_id) as key,
        cost_at(
          r.unit_prices, requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, other_quantities
        ) as amount
      from (
        select entity, rate_id, sum(requests) as requests, sum(input_tokens) as input_tokens,
          sum(cached_input_tokens) as cached_input_tokens, sum(output_tokens) as output_tokens,
          sum(reasoning_tokens) as reasoning_tokens, sum_quantities(other_quantities) as other_quantities
        from hourly_usage group by entity, rate_id
      ) u
      left join rates r on r.id = u.rate_id`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'rate_id', rate_id) as key, sum(cost_picos) as amount
      from hourly_usage group by entity, rate_id`,
  },
  WAITING_USAGE,
  {
    name: 'roll-ups equal spend of projects',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'period', period, 'project', project) as key, sum(cost_picos) as amount
      from hourly_usage group by entity, period, project`,
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
      from (
        select entity, period, cost_picos from counted_usage
        union all
        select entity, period, cost_picos from dropped_usage
      ) u group by entity, period`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'period', period) as key, sum(amount_picos) as amount
      from net_burns group by entity, period`,
  },
  {
    name: 'overage of entities equals burns that no grant paid',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'period', period) as key, overage_picos as amount from entity_spend`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'period', period) as key, sum(amount_picos) as amount
      from net_burns where grant_id is null group by entity, period`,
  },
  {
    name: 'burnt part of events equals burns of grants',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'grant', grant_id) as key, sum(amount) as amount
      from (
        select u.entity, b.key as grant_id, u.sign * b.value::numeric as amount from counted_usage u, jsonb_each_text(u.burns) b
        union all
        select entity, grant_id, amount_picos from dropped_burns
      ) u group by entity, grant_id`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'grant', grant_id) as key, sum(amount_picos) as amount
      from net_burns where grant_id is not null group by entity, grant_id`,
  },
  {
    name: 'burns equal what grants say was burnt',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'grant', grant_id) as key, sum(amount_picos) as amount
      from net_burns where grant_id is not null group by entity, grant_id`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'grant', id) as key, burnt_picos as amount from credit_grants`,
  },
  {
    name: 'ledger and open hours equal what grants have left',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'grant', grant_id) as key, sum(amount) as amount from (
        select entity, grant_id,
          case
            when credit_account = 'credits:' || grant_id then amount_picos
            when debit_account = 'credits:' || grant_id then -amount_picos
            else 0
          end as amount
        from ledger_entries where grant_id is not null
        union all
        select entity, grant_id, -amount_picos from burns where grant_id is not null and not posted
        union all
        select entity, grant_id, amount_picos from burn_reversals where grant_id is not null and not posted
      ) moved group by entity, grant_id`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'grant', id) as key, remaining_picos as amount from credit_grants`,
  },
  {
    name: 'ledger holds every closed hour',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'hour', booked_hour, 'period', period, 'grant', grant_id,
        'corrected_hour', corrected_hour, 'corrected_period', corrected_period) as key, amount_picos as amount
      from (
        select entity, booked_hour, period, grant_id, null::timestamptz as corrected_hour, null as corrected_period, amount_picos
        from burns where posted
        union all
        select entity, booked_hour, period, grant_id, corrected_hour, corrected_period, amount_picos
        from burn_reversals where posted
      ) b`,
    right: Prisma.sql`
      select jsonb_build_object('entity', l.entity, 'hour', l.booked_hour, 'period', l.period, 'grant', l.grant_id,
        'corrected_hour', o.booked_hour, 'corrected_period', o.period) as key, l.amount_picos as amount
      from ledger_entries l left join ledger_entries o on o.entity = l.entity and o.id = l.corrects
      where l.booked_hour is not null`,
  },
  {
    name: 'closing balances equal the ledger up to their periods',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'period', period) as key, closing_picos as amount from closed_periods`,
    right: Prisma.sql`
      select jsonb_build_object('entity', c.entity, 'period', c.period) as key, (
        select sum(case
          when l.credit_account like 'credits:%' then l.amount_picos
          when l.debit_account like 'credits:%' then -l.amount_picos
        end)
        from ledger_entries l where l.entity = c.entity and l.period <= c.period
      ) as amount
      from closed_periods c`,
  },
  {
    name: 'spend of closed periods is what their statements say',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'period', period) as key, cost_picos as amount from closed_periods`,
    right: Prisma.sql`
      select jsonb_build_object('entity', c.entity, 'period', c.period) as key, s.cost_picos as amount
      from closed_periods c join entity_spend s on s.entity = c.entity and s.period = c.period`,
  },
];

export type NamedComparison = Comparison & { readonly name: string };

/** `at` is the booking time. */
export async function checkInvariants(
  tx: Tx,
  { range, at }: { range: EntityRange; at: Date },
): Promise<NamedComparison[]> {
  await allowLongReading(tx);
  const scope = withEntities(await readEntitiesOf(tx, range));
  const check = checkWithin(tx, scope);
  const results = [
    await check(identityCheck(range, at)),
    await check(owedCheck(at)),
    ...(await compareRollUps(tx, scope)),
  ];
  for (const each of [...CHECKS, ...DAY_CHECKS, ...DEBT_CHECKS, ...DROPPED_CHECKS])
    results.push(await check(each));
  results.push(...(await checkChains(tx, { buckets: range, differencesMax: DIFFERENCES_MAX })));
  return results;
}

/** What can be said of one month's events alone: of all entities, before the events are dropped. */
export async function checkMonth(tx: Tx, month: { from: Date; to: Date }): Promise<NamedComparison[]> {
  await allowLongReading(tx);
  const scope = withTimes(month);
  const check = checkWithin(tx, scope);
  return [...(await compareRollUps(tx, scope)), await check(CORRECTIONS_START), await check(WAITING_USAGE)];
}

function checkWithin(tx: Tx, scope: Prisma.Sql) {
  return async ({ name, ...sides }: Check): Promise<NamedComparison> => ({
    name,
    ...(await compare(tx, scope, sides)),
  });
}
