/** The sums that are kept of counted usage: roll-ups by hour and spend by period. The functions stand in the migration. */
import { pgArray } from '../platform/pg-array.js';
import { Restart, type Tx } from '../platform/database.js';
import { Prisma } from '../platform/prisma/client.js';
import { columnsOf } from '../domain/meter-charges.js';
import type { HourlySum, ProjectSum } from './batch-sums.js';

/** The sums as rows `t`, with the numbers of their series, which exist: their usage was counted. */
function hourlyRows(rows: readonly HourlySum[]): Prisma.Sql {
  const columns = rows.map(({ quantities }) => columnsOf(quantities));
  return Prisma.sql`
    unnest(
      ${pgArray(rows.map((r) => r.entity))}::text[],
      ${pgArray(rows.map((r) => r.hour.getTime()))}::bigint[],
      ${pgArray(rows.map((r) => r.project))}::text[],
      ${pgArray(rows.map((r) => r.model))}::text[],
      ${pgArray(rows.map((r) => r.operation))}::text[],
      ${pgArray(rows.map((r) => r.serviceTier))}::text[],
      ${pgArray(rows.map((r) => r.period))}::text[],
      ${pgArray(rows.map((r) => r.rateId))}::integer[],
      ${pgArray(rows.map((r) => r.requests))}::bigint[],
      ${pgArray(columns.map((c) => c.inputTokens))}::bigint[],
      ${pgArray(columns.map((c) => c.cachedInputTokens))}::bigint[],
      ${pgArray(columns.map((c) => c.outputTokens))}::bigint[],
      ${pgArray(columns.map((c) => c.reasoningTokens))}::bigint[],
      ${pgArray(columns.map((c) => (c.otherQuantities === null ? null : JSON.stringify(c.otherQuantities))))}::jsonb[],
      ${pgArray(rows.map((r) => r.costPicos))}::numeric[],
      ${pgArray(rows.map((r) => r.paidBurntPicos))}::numeric[],
      ${pgArray(rows.map((r) => r.promotionalBurntPicos))}::numeric[]
    ) as t (
      entity, ms, project, model, operation, tier, period, rate, requests, input, cached_input, output, reasoning, other,
      cost, paid, promotional
    )
    join usage_series s
      on s.entity = t.entity and s.project = t.project and s.model = t.model and s.operation = t.operation
        and s.service_tier = t.tier`;
}

/** Adds to the roll-ups, under the entities' locks. Invalidates the roll-ups of their days. */
export async function addHourlySums(tx: Tx, rows: readonly HourlySum[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.$queryRaw`
    select add_usage_hours(
      array_agg(t.entity), array_agg(t.ms), array_agg(s.id), array_agg(t.period), array_agg(t.rate), array_agg(t.requests),
      array_agg(t.input), array_agg(t.cached_input), array_agg(t.output), array_agg(t.reasoning), array_agg(t.other),
      array_agg(t.cost), array_agg(t.paid), array_agg(t.promotional)
    )::text
    from ${hourlyRows(rows)}`;
}

/** Replaces the roll-ups that have the same keys. */
export async function setHourlySums(tx: Tx, rows: readonly HourlySum[]): Promise<void> {
  await tx.$executeRaw`
    insert into usage_hourly (
      entity, hour, series_id, period, rate_id, requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
      other_quantities, cost_picos, paid_burnt_picos, promotional_burnt_picos
    )
    select
      t.entity, to_timestamp(t.ms::double precision / 1000), s.id, t.period, t.rate, t.requests, t.input, t.cached_input, t.output,
      t.reasoning, t.other, t.cost, t.paid, t.promotional
    from ${hourlyRows(rows)}
    on conflict (entity, hour, series_id, period, rate_id) do update set
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
    using ${hourlyRows(rows)}
    where u.entity = t.entity and u.hour = to_timestamp(t.ms::double precision / 1000) and u.series_id = s.id
      and u.period = t.period and u.rate_id = t.rate
      and u.requests = 0 and u.input_tokens = 0 and u.cached_input_tokens = 0 and u.output_tokens = 0
      and u.reasoning_tokens = 0 and coalesce(u.other_quantities, '{}') = '{}'
      and u.cost_picos = 0 and u.paid_burnt_picos = 0 and u.promotional_burnt_picos = 0`;
}

/**
 * Adds to the spend of projects and, summed over them, of entities. Returns a Restart when a period was closed between the
 * start of the transaction and the entities' locks: by its later booking time the next attempt charges the open one.
 */
export async function addSpend(tx: Tx, rows: readonly ProjectSum[]): Promise<Restart | null> {
  const [row] = await tx.$queryRaw<[{ added: boolean }]>`
    select add_spend(
      ${pgArray(rows.map((r) => r.entity))}::text[],
      ${pgArray(rows.map((r) => r.period))}::text[],
      ${pgArray(rows.map((r) => r.project))}::text[],
      ${pgArray(rows.map((r) => r.costPicos))}::numeric[],
      ${pgArray(rows.map((r) => r.burntPicos))}::numeric[]
    ) as added`;
  return row.added ? null : new Restart('the period is closed');
}
