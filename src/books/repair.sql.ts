/**
 * Compares each projection, a table derived from events, corrections and ledger, with what it should be, and writes the rows that
 * differ. The entity must be locked.
 */
import { pgArray } from '../platform/pg-array.js';
import type { Tx } from '../platform/database.js';
import { Prisma } from '../platform/prisma/client.js';
import { HOURLY_KEY } from './roll-up-invariants.sql.js';

/** Counts and amounts as decimal strings, by column. */
export type Figures = Readonly<Record<string, string>>;
export type Difference = { readonly key: Figures; readonly before: Figures; readonly after: Figures };

type HourlyDifference = Difference & { readonly hour: Date };

/** The figures of a roll-up `h` as JSON strings. */
const HOURLY_FIGURES = Prisma.sql`jsonb_build_object(
  'requests', coalesce(h.requests, 0)::text, 'input_tokens', coalesce(h.input_tokens, 0)::text,
  'cached_input_tokens', coalesce(h.cached_input_tokens, 0)::text, 'output_tokens', coalesce(h.output_tokens, 0)::text,
  'reasoning_tokens', coalesce(h.reasoning_tokens, 0)::text,
  'other_quantities', coalesce(h.other_quantities, '{}')::text, 'cost_picos', coalesce(h.cost_picos, 0)::text,
  'paid_burnt_picos', coalesce(h.paid_burnt_picos, 0)::text,
  'promotional_burnt_picos', coalesce(h.promotional_burnt_picos, 0)::text)`;

/** Only months that still have their events. Roll-ups of dropped months cannot be rebuilt; reconciliation compares them with the record. */
export async function findHourlyDifferences(tx: Tx, entity: string): Promise<HourlyDifference[]> {
  return tx.$queryRaw<HourlyDifference[]>`
    with counted as materialized (
      select u.*, date_trunc('hour', u.occurred_at, 'UTC') as hour,
        coalesce((
          select sum(b.value::numeric) from jsonb_each_text(u.burns) b join credit_grants g on g.entity = u.entity and g.id = b.key
          where g.category = 'paid'
        ), 0) as paid_burnt_picos
      from counted_usage u where u.entity = ${entity}::text and not is_dropped(u.occurred_at)
    ), expected as (
      select ${HOURLY_KEY},
        sum(requests) as requests, sum(input_tokens) as input_tokens, sum(cached_input_tokens) as cached_input_tokens,
        sum(output_tokens) as output_tokens, sum(reasoning_tokens) as reasoning_tokens,
        sum_quantities(other_quantities) as other_quantities, sum(cost_picos) as cost_picos,
        sum(sign * paid_burnt_picos) as paid_burnt_picos,
        sum(burnt_picos - sign * paid_burnt_picos) as promotional_burnt_picos
      from counted group by ${HOURLY_KEY}
    ), actual as (
      select * from hourly_usage where entity = ${entity}::text and not is_dropped(hour)
    ), compared as (
      select
        ${HOURLY_KEY},
        (select ${HOURLY_FIGURES} from (select actual.*) h) as before,
        (select ${HOURLY_FIGURES} from (select expected.*) h) as after
      from actual full join expected using (${HOURLY_KEY})
    )
    select
      hour,
      jsonb_build_object(
        'entity', entity, 'hour', to_char(hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'project', project,
        'model', model, 'operation', operation, 'service_tier', service_tier, 'period', period, 'rate_id', rate_id::text
      ) as key, before, after
    from compared where before <> after
    order by ${HOURLY_KEY}`;
}

/** What was counted, dropped months included. */
const COUNTED = (entity: string): Prisma.Sql => Prisma.sql`(
  select period, project, cost_picos, burnt_picos from counted_usage where entity = ${entity}::text
  union all
  select period, project, cost_picos, burnt_picos from dropped_usage where entity = ${entity}::text
) u`;

/** The keys name the period and, for the spend of projects, the project. */
export async function findSpendDifferences(
  tx: Tx,
  entity: string,
): Promise<{ entities: Difference[]; projects: Difference[] }> {
  const entities = await tx.$queryRaw<Difference[]>`
    with expected as (
      select period, sum(cost_picos) as cost, sum(burnt_picos) as burnt
      from ${COUNTED(entity)} group by period
    ), compared as (
      select period,
        jsonb_build_object('cost_picos', coalesce(s.cost_picos, 0)::text, 'burnt_picos', coalesce(s.burnt_picos, 0)::text)
          as before,
        jsonb_build_object('cost_picos', coalesce(x.cost, 0)::text, 'burnt_picos', coalesce(x.burnt, 0)::text) as after
      from (select * from entity_spend where entity = ${entity}::text) s full join expected x using (period)
    )
    select jsonb_build_object('entity', ${entity}::text, 'period', period) as key, before, after
    from compared where before <> after order by period`;
  const projects = await tx.$queryRaw<Difference[]>`
    with expected as (
      select period, project, sum(cost_picos) as cost
      from ${COUNTED(entity)} group by period, project
    ), compared as (
      select period, project,
        jsonb_build_object('cost_picos', coalesce(s.cost_picos, 0)::text) as before,
        jsonb_build_object('cost_picos', coalesce(x.cost, 0)::text) as after
      from (select * from project_spend where entity = ${entity}::text) s full join expected x using (period, project)
    )
    select jsonb_build_object('entity', ${entity}::text, 'period', period, 'project', project) as key, before, after
    from compared where before <> after order by period, project`;
  return { entities, projects };
}

/** Closed periods too: the totals of their statements are frozen elsewhere. */
export async function setEntitySpend(tx: Tx, rows: readonly Difference[]): Promise<void> {
  await tx.$executeRaw`
    insert into entity_spend (entity, period, cost_picos, burnt_picos, overage_picos)
    select entity, period, cost_picos, burnt_picos, cost_picos - burnt_picos
    from unnest(
      ${pgArray(rows.map((r) => r.key['entity']!))}::text[],
      ${pgArray(rows.map((r) => r.key['period']!))}::text[],
      ${pgArray(rows.map((r) => r.after['cost_picos']!))}::numeric[],
      ${pgArray(rows.map((r) => r.after['burnt_picos']!))}::numeric[]
    ) as t (entity, period, cost_picos, burnt_picos)
    on conflict (entity, period) do update set
      cost_picos = excluded.cost_picos, burnt_picos = excluded.burnt_picos, overage_picos = excluded.overage_picos`;
}

export async function setProjectSpend(tx: Tx, rows: readonly Difference[]): Promise<void> {
  await tx.$executeRaw`
    insert into project_spend (entity, period, project, cost_picos)
    select * from unnest(
      ${pgArray(rows.map((r) => r.key['entity']!))}::text[],
      ${pgArray(rows.map((r) => r.key['period']!))}::text[],
      ${pgArray(rows.map((r) => r.key['project']!))}::text[],
      ${pgArray(rows.map((r) => r.after['cost_picos']!))}::numeric[]
    ) as t
    on conflict (entity, period, project) do update set cost_picos = excluded.cost_picos`;
}

/** Compares grants with the ledger (voids, refunds, expiries, payments of debts) and the burns. What remains of a grant follows from these and its amount. */
export async function findGrantDifferences(tx: Tx, entity: string): Promise<Difference[]> {
  return tx.$queryRaw<Difference[]>`
    with expected as (
      select g.id, g.amount_picos,
        coalesce((
          select sum(b.amount_picos) from net_burns b where b.entity = g.entity and b.grant_id = g.id
        ), 0) as burnt,
        coalesce((
          select sum(l.amount_picos) from ledger_entries l
          where l.entity = g.entity and l.grant_id = g.id and l.kind in ('void', 'refund')
        ), 0) as voided,
        coalesce((
          select sum(l.amount_picos) from ledger_entries l
          where l.entity = g.entity and l.grant_id = g.id and l.kind = 'expiry'
        ), 0) as expired,
        coalesce((
          select sum(l.amount_picos) from ledger_entries l
          where l.entity = g.entity and l.grant_id = g.id and l.kind = 'debt_payment'
        ), 0) as repaid
      from credit_grants g where g.entity = ${entity}::text
    ), compared as (
      select g.id,
        jsonb_build_object(
          'remaining_picos', g.remaining_picos::text, 'burnt_picos', g.burnt_picos::text,
          'voided_picos', g.voided_picos::text, 'expired_picos', g.expired_picos::text,
          'repaid_picos', g.repaid_picos::text) as before,
        jsonb_build_object(
          'remaining_picos', (x.amount_picos - x.burnt - x.voided - x.expired - x.repaid)::text, 'burnt_picos', x.burnt::text,
          'voided_picos', x.voided::text, 'expired_picos', x.expired::text,
          'repaid_picos', x.repaid::text) as after
      from credit_grants g join expected x on x.id = g.id where g.entity = ${entity}::text
    )
    select jsonb_build_object('grant', id) as key, before, after
    from compared where before <> after order by id`;
}

export async function setGrants(tx: Tx, entity: string, rows: readonly Difference[]): Promise<void> {
  await tx.$executeRaw`
    update credit_grants g set
      remaining_picos = t.remaining_picos,
      burnt_picos = t.burnt_picos,
      voided_picos = t.voided_picos,
      expired_picos = t.expired_picos,
      repaid_picos = t.repaid_picos
    from unnest(
      ${pgArray(rows.map((r) => r.key['grant']!))}::text[],
      ${pgArray(rows.map((r) => r.after['remaining_picos']!))}::numeric[],
      ${pgArray(rows.map((r) => r.after['burnt_picos']!))}::numeric[],
      ${pgArray(rows.map((r) => r.after['voided_picos']!))}::numeric[],
      ${pgArray(rows.map((r) => r.after['expired_picos']!))}::numeric[],
      ${pgArray(rows.map((r) => r.after['repaid_picos']!))}::numeric[]
    ) as t (id, remaining_picos, burnt_picos, voided_picos, expired_picos, repaid_picos)
    where g.entity = ${entity}::text and g.id = t.id`;
}
