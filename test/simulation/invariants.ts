/** The invariants of the books, as queries of the simulation's own. Each returns the rows that break it, so it must return none. */
import assert from 'node:assert/strict';

export type Sql = (text: string, values?: readonly unknown[]) => Promise<Record<string, unknown>[]>;

/** What events and corrections charge to periods. */
const CHARGED = `
  select entity, period, cost_picos, burnt_picos from rated_events
  union all
  select entity, period, new_cost_picos - old_cost_picos, new_burnt_picos - old_burnt_picos from usage_corrections`;

/** Burns and overage, less what was given back of them. */
const BURNT = `
  select entity, period, grant_id, amount_picos, posted from burns
  union all
  select entity, period, grant_id, -amount_picos, posted from burn_reversals`;

/** Each event with the rate that charges it now, corrections included. */
const NOW = `
  select e.*, coalesce(c.rate_id, e.rate_id) as now_rate_id, coalesce(c.is_void, false) as is_void
  from rated_events e
  left join lateral (
    select (array_agg(new_rate_id order by id desc))[1] as rate_id, bool_or(kind = 'void') as is_void
    from usage_corrections c where c.entity = e.entity and c.identity = e.identity
  ) c on true`;

/** Events and searches that were not voided, and for which the price in force has what they wait for. */
export const CHARGEABLE = `
  select e.source, e.id from (${NOW}) e
  left join rates r on r.id = e.now_rate_id
  cross join lateral (
    select p.terms from prices p
    where p.model = e.model and p.effective_from <= e.occurred_at and (p.entity is null or p.entity = e.entity)
    order by p.entity is null, p.effective_from desc limit 1
  ) p
  where not e.is_void and (
    e.now_rate_id = 0
    or (e.other_quantities ? 'search' and not r.unit_prices ? 'search' and p.terms ->> 'search_usd' is not null)
  )`;

/** quantity × unit price, summed over meters; `e` is the event and `r` the rate. */
const COST = `(
  select sum(q.quantity * coalesce((r.unit_prices ->> q.meter)::numeric, 0)) from (
    values ('input', e.input_tokens::numeric), ('cached_input', e.cached_input_tokens),
      ('output', e.output_tokens - e.reasoning_tokens), ('reasoning', e.reasoning_tokens)
    union all
    select key, value::numeric from jsonb_each_text(coalesce(e.other_quantities, '{}'))
  ) q (meter, quantity)
)`;

/** All meters without a column, weighted so that one cannot stand in for another. */
const others = (column: string) => `(
  select coalesce(sum(value::numeric * length(key)), 0) from jsonb_each_text(coalesce(${column}, '{}')))`;

const INVARIANTS: Readonly<Record<string, string>> = {
  'counted once: no two events have one identity': `
    select entity, source, id from rated_events group by entity, source, id having count(*) > 1`,
  'counted once: every event of the acceptance window has its identity': `
    select e.source, e.id from rated_events e left join usage_identities i using (identity)
    where i.identity is null and e.occurred_at > $1::timestamptz - interval '35 days'`,
  'counted once: no identity is taken by an event that is not there': `
    select i.identity from usage_identities i left join rated_events e using (identity) where e.identity is null`,
  'exact: every cost is quantities times the unit prices of the rate that the event names': `
    select e.source, e.id, e.cost_picos from rated_events e left join rates r on r.id = e.rate_id
    where e.cost_picos <> ${COST}`,
  'exact: every corrected cost is quantities times the unit prices of the rate that the correction names': `
    select c.id from usage_corrections c join rated_events e using (entity, identity, occurred_at)
    left join rates r on r.id = c.new_rate_id
    where c.new_cost_picos <> ${COST} and c.kind <> 'void'`,
  'exact: no rate stands twice': `
    select price_id from rates group by price_id, unit_prices having count(*) > 1`,
  'exact: the roll-ups are the sums of the events, each as it was, then taken out and counted again by its corrections': `
    with u as (
      select entity, project, model, service_tier, occurred_at, period, rate_id, 1 as n, input_tokens, cached_input_tokens, output_tokens,
        reasoning_tokens, ${others('other_quantities')} as others, cost_picos, burnt_picos
      from rated_events
      union all
      select c.entity, c.project, c.model, e.service_tier, occurred_at, c.period, x.rate_id, x.n, e.input_tokens, e.cached_input_tokens,
        e.output_tokens, e.reasoning_tokens, ${others('e.other_quantities')}, x.cost, x.burnt
      from usage_corrections c join rated_events e using (entity, identity, occurred_at), lateral (values
        (c.old_rate_id, -1, -c.old_cost_picos, -c.old_burnt_picos),
        (c.new_rate_id, 1, c.new_cost_picos, c.new_burnt_picos)
      ) x (rate_id, n, cost, burnt)
      where x.rate_id is not null
    ), e as (
      select entity, date_trunc('hour', occurred_at, 'UTC') as hour, project, model, service_tier, period, rate_id, sum(n) as requests,
        sum(n * input_tokens) as input, sum(n * cached_input_tokens) as cached, sum(n * output_tokens) as output,
        sum(n * reasoning_tokens) as reasoning, sum(n * others) as others, sum(cost_picos) as cost, sum(burnt_picos) as burnt
      from u group by 1, 2, 3, 4, 5, 6, 7
    ), h as (
      select entity, hour, project, model, service_tier, period, rate_id, requests, input_tokens as input, cached_input_tokens as cached,
        output_tokens as output, reasoning_tokens as reasoning, ${others('other_quantities')} as others, cost_picos as cost,
        paid_burnt_picos + promotional_burnt_picos as burnt
      from hourly_usage
    ), d as ((select * from e except select * from h) union all (select * from h except select * from e))
    select * from d where requests <> 0 or input <> 0 or cached <> 0 or output <> 0 or reasoning <> 0 or others <> 0 or cost <> 0 or burnt <> 0`,
  'nothing unaccounted: each event is paid by its burns and overage': `
    select e.source, e.id from rated_events e
    left join lateral (select sum(value::numeric) as burnt from jsonb_each_text(e.burns)) b on true
    where e.burnt_picos <> coalesce(b.burnt, 0) or e.burnt_picos > e.cost_picos`,
  'nothing unaccounted: each correction begins with what the one before it has left': `
    select id from (
      select c.id, c.old_cost_picos, c.old_burnt_picos, c.old_rate_id, c.kind,
        coalesce(lag(c.new_cost_picos) over w, e.cost_picos) as cost, coalesce(lag(c.new_burnt_picos) over w, e.burnt_picos) as burnt,
        coalesce(lag(c.new_rate_id) over w, e.rate_id) as rate_id, lag(c.kind) over w as before
      from usage_corrections c join rated_events e using (entity, identity, occurred_at)
      window w as (partition by c.entity, c.identity order by c.id)
    ) c
    where old_cost_picos <> cost or old_burnt_picos <> burnt or old_rate_id <> rate_id or before = 'void'`,
  'nothing unaccounted: each correction moves what it changes, of credits and of overage': `
    select c.id from usage_corrections c
    left join lateral (
      select sum((m ->> 'picos')::numeric) as cost,
        sum((m ->> 'picos')::numeric) filter (where m ->> 'grant' is not null) as burnt
      from jsonb_array_elements(c.movements) m
    ) m on true
    where new_cost_picos - old_cost_picos <> coalesce(m.cost, 0) or new_burnt_picos - old_burnt_picos <> coalesce(m.burnt, 0)`,
  'nothing unaccounted: costs are burns plus overage, by entity and month': `
    with e as (select entity, period, sum(cost_picos) as cost from (${CHARGED}) e group by 1, 2 having sum(cost_picos) <> 0),
    b as (select entity, period, sum(amount_picos) as cost from (${BURNT}) b group by 1, 2 having sum(amount_picos) <> 0)
    (select * from e except select * from b) union all (select * from b except select * from e)`,
  'nothing unaccounted: spend of entities and projects is that of their events': `
    with e as (
      select entity, period, sum(cost_picos) as cost, sum(burnt_picos) as burnt from (${CHARGED}) e group by 1, 2
    ),
    s as (select entity, period, cost_picos, burnt_picos from entity_spend),
    p as (select entity, period, sum(cost_picos) as cost from project_spend group by 1, 2)
    (select 'events', * from e where cost <> 0 or burnt <> 0 except select 'events', * from s)
    union all (select 'spend', * from s where cost_picos <> 0 or burnt_picos <> 0 except select 'spend', * from e)
    union all (select 'projects', *, 0 from p except select 'projects', entity, period, cost_picos, 0 from s)`,
  'lots: amount is what is left, burnt, voided and expired': `
    select id from credit_grants
    where amount_picos <> remaining_picos + burnt_picos + voided_picos + expired_picos + repaid_picos
      or least(remaining_picos, burnt_picos, voided_picos, expired_picos, repaid_picos) < 0`,
  'lots: what a grant says was burnt is what was burnt from it': `
    select g.id from credit_grants g
    left join (select entity, grant_id, sum(amount_picos) as burnt from (${BURNT}) b group by 1, 2) b on b.entity = g.entity and b.grant_id = g.id
    where g.burnt_picos <> coalesce(b.burnt, 0)`,
  'double entry: the ledger and the open hours leave each grant what it has left': `
    select g.id, g.remaining_picos, l.amount as posted, o.amount as open from credit_grants g
    left join (
      select entity, grant_id, sum(
        case 'credits:' || grant_id when credit_account then amount_picos when debit_account then -amount_picos else 0 end
      ) as amount
      from ledger_entries where grant_id is not null group by 1, 2
    ) l on l.entity = g.entity and l.grant_id = g.id
    left join (
      select entity, grant_id, sum(amount_picos) as amount from (${BURNT}) b where not posted group by 1, 2
    ) o on o.entity = g.entity and o.grant_id = g.id
    where g.remaining_picos <> coalesce(l.amount, 0) - coalesce(o.amount, 0)`,
  'double entry: every entry moves an amount from one account to another': `
    select id from ledger_entries where amount_picos <= 0 or debit_account = credit_account`,
  'double entry: what gives back a posted hour or pays a debt names the entry of that': `
    select id from ledger_entries
    where (kind in ('burn_reversal', 'overage_reversal', 'debt_payment')) <> (corrects is not null)`,
  'tamper evidence: every entry follows the one before it, and the head the last one': `
    with e as (
      select 'ledger_entries' as log, entity, id, hash, chain_hash(coalesce(lag(hash) over (partition by entity order by id), ''), l) as expected
      from ledger_entries l
      union all
      select 'audit_log', coalesce(entity, ''), id, hash, chain_hash(coalesce(lag(hash) over (partition by entity order by id), ''), a)
      from audit_log a
    )
    select log, entity, id from e where hash <> expected
    union all
    select log, entity, last_id from chain_heads
    full join (select log, entity, count(*) as n, max(id) as last from e group by 1, 2) c using (log, entity)
    where entries is distinct from n or last_id is distinct from last`,
  'closed periods: they are numbered without a gap, and nothing is charged to them any more': `
    select entity, period from (
      select c.entity, c.period, substring(c.number from '\\d+$')::bigint <> row_number() over (order by c.number) as gap,
        c.cost_picos <> coalesce(s.cost_picos, 0) as charged
      from closed_periods c left join entity_spend s using (entity, period)
    ) c where gap or charged`,
  'conflicts: what was counted after all is one event of the other content, under an id of its own': `
    select c.source, c.event_id from usage_conflicts c
    left join rated_events e on e.entity = c.entity and e.source = c.source and e.id = c.counted_as
    where c.counted_as is not null and (
      e.id is null or c.reviewed_at is null or e.id = c.event_id
      or (e.project, e.model, e.service_tier) is distinct from
        (c.other_content ->> 'project', c.other_content ->> 'model', c.other_content ->> 'serviceTier')
      or e.occurred_at <> (c.other_content ->> 'occurredAt')::timestamptz
      or e.input_tokens <> coalesce((c.other_content -> 'quantities' ->> 'input')::bigint, 0)
    )`,
  'conflicts: the audit log says once that one was counted': `
    select c.entity, c.counted_as from usage_conflicts c
    where c.counted_as is not null and 1 <> (
      select count(*) from audit_log a
      where a.action = 'usage_conflicts.counted' and a.entity = c.entity
        and a.after ->> 'source' = c.source and a.after ->> 'id' = c.counted_as
    )`,
  'nothing at $0 by mistake: what has a price is charged': CHARGEABLE,
};

/** To be called when nothing else runs. */
export async function checkInvariants(sql: Sql, nowMs: number): Promise<void> {
  for (const [name, query] of Object.entries(INVARIANTS)) {
    assert.deepEqual(await sql(query, query.includes('$1') ? [new Date(nowMs)] : []), [], name);
  }
}

/** The database itself refuses to change what was booked. */
export async function checkImmutability(sql: Sql): Promise<void> {
  await assert.rejects(sql('truncate ledger_entries'), /append only/);
  await assert.rejects(sql('truncate usage_corrections'), /append only/);
  for (const [table, column] of [
    ['ledger_entries', 'amount_picos'],
    ['usage_corrections', 'new_cost_picos'],
    ['closed_periods', 'cost_picos'],
    ['audit_log', 'actor'],
  ]) {
    // A trigger on rows has nothing to say where there are none.
    if ((await sql(`select from ${table} limit 1`)).length === 0) continue;
    await assert.rejects(sql(`update ${table} set ${column} = 1`), /append only/);
    await assert.rejects(sql(`delete from ${table}`), /append only/);
  }
}
