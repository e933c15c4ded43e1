/** The sums that are kept of counted usage: roll-ups by hour and spend by period. */
import { pgArray } from '../platform/pg-array.js';
import { Restart, type Tx } from '../platform/database.js';
import { Prisma } from '../platform/prisma/client.js';
import { columnsOf } from '../domain/meter-charges.js';
import type { HourlySum, ProjectSum } from './batch-sums.js';

/** The key of a roll-up by hour. By the rate, so that quantity × unit price = cost in every row. */
const HOURLY_KEY = Prisma.sql`entity, hour, project, model, operation, service_tier, period, rate_id`;

const HOURLY_COLUMNS = Prisma.sql`
  ${HOURLY_KEY},
  requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, other_quantities,
  cost_picos, paid_burnt_picos, promotional_burnt_picos`;

/** Selects the sums as rows with these columns. */
function selectHourly(rows: readonly HourlySum[]): Prisma.Sql {
  const columns = rows.map(({ quantities }) => columnsOf(quantities));
  return Prisma.sql`
    select
      ${HOURLY_KEY},
      requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, other_quantities::jsonb,
      cost_picos, paid_burnt_picos, promotional_burnt_picos
    from unnest(
      ${pgArray(rows.map((r) => r.entity))}::text[],
      ${pgArray(rows.map((r) => r.hour))}::timestamptz[],
      ${pgArray(rows.map((r) => r.project))}::text[],
      ${pgArray(rows.map((r) => r.model))}::text[],
      ${pgArray(rows.map((r) => r.operation))}::text[],
      ${pgArray(rows.map((r) => r.serviceTier))}::text[],
      ${pgArray(rows.map((r) => r.period))}::text[],
      ${pgArray(rows.map((r) => r.rateId))}::bigint[],
      ${pgArray(rows.map((r) => r.requests))}::bigint[],
      ${pgArray(columns.map((c) => c.inputTokens))}::bigint[],
      ${pgArray(columns.map((c) => c.cachedInputTokens))}::bigint[],
      ${pgArray(columns.map((c) => c.outputTokens))}::bigint[],
      ${pgArray(columns.map((c) => c.reasoningTokens))}::bigint[],
      ${pgArray(columns.map((c) => (c.otherQuantities === null ? null : JSON.stringify(c.otherQuantities))))}::text[],
      ${pgArray(rows.map((r) => r.costPicos))}::numeric[],
      ${pgArray(rows.map((r) => r.paidBurntPicos))}::numeric[],
      ${pgArray(rows.map((r) => r.promotionalBurntPicos))}::numeric[]
    ) as t (${HOURLY_COLUMNS})`;
}

/** Adds to the roll-ups, in key order, under the entities' locks. Invalidates the roll-ups of their days. */
export async function addHourlySums(tx: Tx, rows: readonly HourlySum[]): Promise<void> {
  await tx.$executeRaw`
    with added as (
      ${selectHourly(rows)}
    ), days as (
      select distinct entity, date_trunc('day', hour, 'UTC') as day from added
    ), opened as (
      insert into usage_days (entity, day)
      select entity, day from days order by entity, day
      on conflict (entity, day) do nothing
    ), reopened as (
      update usage_days d set rolled_up = false, build = null
      from days where d.entity = days.entity and d.day = days.day and (d.rolled_up or d.build is not null)
    )
    insert into usage_hourly as u (${HOURLY_COLUMNS})
    select ${HOURLY_COLUMNS} from added
    order by ${HOURLY_KEY}
    on conflict (${HOURLY_KEY}) do update set
      requests = u.requests + excluded.requests,
      input_tokens = u.input_tokens + excluded.input_tokens,
      cached_input_tokens = u.cached_input_tokens + excluded.cached_input_tokens,
      output_tokens = u.output_tokens + excluded.output_tokens,
      reasoning_tokens = u.reasoning_tokens + excluded.reasoning_tokens,
      other_quantities = coalesce(
        add_quantities(u.other_quantities, excluded.other_quantities), u.other_quantities, excluded.other_quantities
      ),
      cost_picos = u.cost_picos + excluded.cost_picos,
      paid_burnt_picos = u.paid_burnt_picos + excluded.paid_burnt_picos,
      promotional_burnt_picos = u.promotional_burnt_picos + excluded.promotional_burnt_picos`;
}

/** Replaces the roll-ups that have the same keys. */
export async function setHourlySums(tx: Tx, rows: readonly HourlySum[]): Promise<void> {
  await tx.$executeRaw`
    insert into usage_hourly (${HOURLY_COLUMNS})
    ${selectHourly(rows)}
    on conflict (${HOURLY_KEY}) do update set
      requests = excluded.requests,
      input_tokens = excluded.input_tokens,
      cached_input_tokens = excluded.cached_input_tokens,
      output_tokens = excluded.output_tokens,
      reasoning_tokens = excluded.reasoning_tokens,
      other_quantities = excluded.other_quantities,
      cost_picos = excluded.cost_picos,
      paid_burnt_picos = excluded.paid_burnt_picos,
      promotional_burnt_picos = excluded.promotional_burnt_picos`;
}

/** Removes those of the roll-ups that are zero: what was counted there was moved or voided. */
export async function dropEmptySums(tx: Tx, rows: readonly HourlySum[]): Promise<void> {
  await tx.$executeRaw`
    delete from usage_hourly u
    using unnest(
      ${pgArray(rows.map((r) => r.entity))}::text[],
      ${pgArray(rows.map((r) => r.hour))}::timestamptz[],
      ${pgArray(rows.map((r) => r.project))}::text[],
      ${pgArray(rows.map((r) => r.model))}::text[],
      ${pgArray(rows.map((r) => r.operation))}::text[],
      ${pgArray(rows.map((r) => r.serviceTier))}::text[],
      ${pgArray(rows.map((r) => r.period))}::text[],
      ${pgArray(rows.map((r) => r.rateId))}::bigint[]
    ) as t (${HOURLY_KEY})
    where u.entity = t.entity and u.hour = t.hour and u.project = t.project and u.model = t.model
      and u.operation = t.operation and u.service_tier = t.service_tier and u.period = t.period and u.rate_id = t.rate_id
      and u.requests = 0 and u.input_tokens = 0 and u.cached_input_tokens = 0 and u.output_tokens = 0
      and u.reasoning_tokens = 0 and coalesce(u.other_quantities, '{}') = '{}'
      and u.cost_picos = 0 and u.paid_burnt_picos = 0 and u.promotional_burnt_picos = 0`;
}

/**
 * Adds to the spend of projects and, summed over them, of entities. Returns a Restart when a period was closed between the
 * start of the transaction and the account lock: by its later booking time the next attempt charges the open one.
 */
export async function addSpend(tx: Tx, rows: readonly ProjectSum[]): Promise<Restart | null> {
  const [{ added }] = await tx.$queryRaw<[{ added: number }]>`
    with spent as (
      select * from unnest(
        ${pgArray(rows.map((r) => r.entity))}::text[],
        ${pgArray(rows.map((r) => r.period))}::text[],
        ${pgArray(rows.map((r) => r.project))}::text[],
        ${pgArray(rows.map((r) => r.costPicos))}::numeric[],
        ${pgArray(rows.map((r) => r.burntPicos))}::numeric[],
        ${pgArray(rows.map((r) => r.overagePicos))}::numeric[]
      ) as t (entity, period, project, cost_picos, burnt_picos, overage_picos)
      where not exists (select from closed_periods c where c.entity = t.entity and c.period = t.period)
    ), by_entity as (
      insert into entity_spend as e (entity, period, cost_picos, burnt_picos, overage_picos)
      select entity, period, sum(cost_picos), sum(burnt_picos), sum(overage_picos)
      from spent group by entity, period order by entity, period
      on conflict (entity, period) do update set
        cost_picos = e.cost_picos + excluded.cost_picos,
        burnt_picos = e.burnt_picos + excluded.burnt_picos,
        overage_picos = e.overage_picos + excluded.overage_picos
    ), added as (
      insert into project_spend as p (entity, period, project, cost_picos)
      select entity, period, project, cost_picos from spent order by entity, period, project
      on conflict (entity, period, project) do update set cost_picos = p.cost_picos + excluded.cost_picos
      returning 1
    )
    select count(*)::int as added from added`;
  return added === rows.length ? null : new Restart('the period is closed');
}
