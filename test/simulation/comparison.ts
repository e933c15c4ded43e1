/** Compares Tally's books with the model's, to the last picodollar. */
import assert from 'node:assert/strict';
import { SAID } from './conflicts.js';
import { grantedIn } from './corrections.js';
import type { Sql } from './invariants.js';
import type { Model } from './model.js';

/** To be called when nothing else runs, after the upkeep. */
export async function compareBooks(
  sql: Sql,
  model: Model,
  { paidBy }: { paidBy: 'month' | 'entity' },
): Promise<void> {
  same('events', await texts(sql, EVENTS), eventsOf(model));
  same('grants', await texts(sql, GRANTS), grantsOf(model));
  same('spend', await texts(sql, SPEND), spendOf(model));
  if (paidBy === 'month') same('burns by month', await texts(sql, PAID_IN), paidInMonths(model));
  same('burns', await texts(sql, PAID), paidOf(model));
  same('debts', await texts(sql, DEBTS), debtsOf(model));
  same('ledger', await texts(sql, LEDGER), ledgerOf(model));
  same('corrections', await texts(sql, CORRECTIONS), model.corrections);
  same('closed periods', await texts(sql, CLOSED), closedOf(model));
  same('dead letters', await texts(sql, LETTERS), [...model.letters.keys()]);
  same('conflicts', await texts(sql, CONFLICTS), conflictsOf(model));
}

/** The model learns the ids of the price versions that every installation begins with. */
export async function learnPriceIds(sql: Sql, model: Model): Promise<void> {
  const ids = new Map(
    (await sql('select id::text, model from prices')).map((row) => [row['model'], row['id']]),
  );
  for (const [index, price] of model.prices.entries()) {
    model.prices[index] = { ...price, id: String(ids.get(price.model)) };
  }
}

function same(what: string, tally: readonly string[], model: readonly string[]): void {
  const [ofTally, ofModel] = [new Set(tally), new Set(model)];
  const difference = {
    onlyTally: tally.filter((text) => !ofModel.has(text)).slice(0, 5),
    onlyModel: model.filter((text) => !ofTally.has(text)).slice(0, 5),
    counts: [tally.length, model.length],
  };
  const expected = { onlyTally: [], onlyModel: [], counts: [ofTally.size, ofTally.size] };
  assert.deepEqual(
    difference,
    expected,
    `${what}: Tally and the model differ: ${JSON.stringify(difference, null, 2)}`,
  );
}

async function texts(sql: Sql, query: string): Promise<string[]> {
  return (await sql(query)).map((row) => String(row['text']));
}

const MS = (column: string) => `(extract(epoch from ${column}) * 1000)::bigint`;

const EVENTS = `
  select concat_ws(' ', source, e.id, entity, project, ${MS('occurred_at')}, model, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, coalesce(other_quantities ->> 'cache_write', '0'), coalesce(other_quantities ->> 'search', '0'),
    service_tier, coalesce(details -> 'unread' ? 'mystery_tokens', false)::text, coalesce(r.price_id, 0), cost_picos, period, coalesce(user_id, '-')) as text
  from rated_events e left join rates r on r.id = e.rate_id`;

function eventsOf(model: Model): string[] {
  return [...model.counted.values()].map(({ facts, price, cost, month, userId }) =>
    [
      facts.source,
      facts.id,
      facts.entity,
      facts.project,
      facts.atMs,
      facts.model,
      facts.input,
      facts.cached,
      facts.output,
      facts.reasoning,
      facts.written,
      facts.searches,
      facts.tier,
      facts.unknown > 0,
      price?.id ?? 0,
      cost,
      month,
      userId ?? '-',
    ].join(' '),
  );
}

const GRANTS = `
  select concat_ws(' ', entity, id, category, priority, amount_picos, remaining_picos, burnt_picos, voided_picos, expired_picos,
    repaid_picos, (voided_at is not null)::text, (frozen_at is not null)::text) as text
  from credit_grants`;

function grantsOf(model: Model): string[] {
  return [...model.accounts.values()].flatMap(({ name, grants }) =>
    grants.map((grant) =>
      [
        name,
        grant.id,
        grant.category,
        grant.priority,
        grant.amount,
        grant.remaining,
        grant.burnt,
        grant.voided,
        grant.expired,
        grant.repaid,
        grant.isVoided,
        grant.isFrozen,
      ].join(' '),
    ),
  );
}

const SPEND = `
  select concat_ws(' ', entity, period, cost_picos) as text from entity_spend where cost_picos <> 0
  union all
  select concat_ws(' ', entity, period, project, cost_picos) from project_spend where cost_picos <> 0`;

function spendOf(model: Model): string[] {
  return [...model.accounts.values()].flatMap(({ name, spend, projectSpend }) =>
    [...spend, ...projectSpend]
      .filter(([, cost]) => cost !== 0n)
      .map(([key, cost]) => `${name} ${key} ${cost}`),
  );
}

/** By entity over all months: which month credits pay for depends on the order in which events arrive. */
const PAID = `
  select concat_ws(' ', entity, sum(burnt_picos), sum(overage_picos)) as text from entity_spend
  group by entity having sum(cost_picos) <> 0`;

function paidOf(model: Model): string[] {
  return [...model.accounts.values()]
    .filter(({ burnt, overage }) => burnt + overage !== 0n)
    .map(({ name, burnt, overage }) => `${name} ${burnt} ${overage}`);
}

/** The same by month, where events that come together are of one month. */
const PAID_IN = `
  select concat_ws(' ', entity, period, burnt_picos, overage_picos) as text from entity_spend
  where burnt_picos <> 0 or overage_picos <> 0`;

function paidInMonths(model: Model): string[] {
  return [...model.accounts.values()].flatMap(({ name, spend, burntIn, overageIn }) =>
    [...spend.keys()]
      .map((month) => [month, burntIn.get(month) ?? 0n, overageIn.get(month) ?? 0n] as const)
      .filter(([, burnt, overage]) => burnt !== 0n || overage !== 0n)
      .map((parts) => [name, ...parts].join(' ')),
  );
}

const DEBTS = `
  select concat_ws(' ', entity, row_number() over (partition by entity order by id), grant_id, amount_picos, paid_picos) as text
  from debts`;

function debtsOf(model: Model): string[] {
  return [...model.accounts.values()].flatMap(({ name, debts }) =>
    debts.map(({ grantId, amount, paid }, index) => [name, index + 1, grantId, amount, paid].join(' ')),
  );
}

/** Burns are compared above, and an expiry is posted when upkeep comes to it, in whichever month. */
const LEDGER = `
  select concat_ws(' ', entity, period, kind, grant_id, sum(amount_picos)) as text from ledger_entries
  where kind not in ('burn', 'overage', 'burn_reversal', 'overage_reversal', 'expiry')
  group by entity, period, kind, grant_id`;

function ledgerOf(model: Model): string[] {
  return [...model.accounts.values()].flatMap(({ name, posted }) =>
    [...posted].map(([what, amount]) => `${name} ${what} ${amount}`),
  );
}

const CORRECTIONS = `
  select concat_ws(' ', e.source, e.id, c.kind, c.period, c.corrected_period, coalesce(o.price_id, 0),
    coalesce(n.price_id::text, '-'), c.old_cost_picos, c.new_cost_picos) as text
  from usage_corrections c join rated_events e using (entity, identity, occurred_at)
  left join rates o on o.id = c.old_rate_id left join rates n on n.id = c.new_rate_id`;

const CLOSED = `
  select concat_ws(' ', entity, period, cost_picos, purchased_picos, promoted_picos) as text from closed_periods`;

function closedOf(model: Model): string[] {
  return [...model.accounts.values()].flatMap(({ name, closed }) =>
    [...closed].map(([month, cost]) => {
      const { paid, promotional } = grantedIn(model, name, month);
      return `${name} ${month} ${cost} ${paid} ${promotional}`;
    }),
  );
}

const LETTERS = `select concat_ws(' ', code, payload) as text from dead_letters`;

const CONFLICTS = `
  select concat_ws(' ', ${SAID},
    case when counted_as is not null then 'counted' when reviewed_at is not null then 'reviewed' else 'open' end) as text
  from usage_conflicts c`;

function conflictsOf(model: Model): string[] {
  return [...model.conflicts].map(([said, { status }]) => `${said} ${status}`);
}
