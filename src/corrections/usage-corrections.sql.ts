/** Corrections of counted events: one row each, never changed. Late usage is listed with them, for it corrects a period too. */
import type { Movement } from './give-back.js';
import type { Burn } from '../domain/burn-order.js';
import type { Period } from '../domain/period.js';
import { columnsOf } from '../domain/meter-charges.js';
import type { Meter, Quantities } from '../domain/meters.js';
import { pgArray } from '../platform/pg-array.js';
import { movementsJson } from './correctable-events.sql.js';
import { comparisonOf, type Order } from '../http/list-order.js';
import type { Tx } from '../platform/database.js';
import { Prisma } from '../platform/prisma/client.js';
import { burnsJson, burntPicos } from '../metering/rated-event.js';

export type NewCorrection = {
  readonly kind: 'void' | 'rerate';
  readonly identity: string;
  readonly occurredAt: Date;
  readonly entity: string;
  readonly project: string;
  readonly model: string;
  readonly period: Period;
  readonly correctedPeriod: Period;
  readonly quantities: Quantities;
  readonly oldRateId: bigint;
  readonly newRateId: bigint | null;
  readonly oldCostPicos: bigint;
  readonly newCostPicos: bigint;
  readonly oldBurns: readonly Burn[];
  readonly newBurns: readonly Burn[];
  readonly movements: readonly Movement[];
};

export async function insertCorrections(
  tx: Tx,
  rows: readonly NewCorrection[],
  by: { reason: string; actor: string; bookedAt: Date },
): Promise<void> {
  const column = <T>(pick: (row: NewCorrection) => T): T[] => rows.map(pick);
  // What it adds to the counts.
  const counts = rows.map(({ kind, quantities }) => columnsOf(kind === 'void' ? negated(quantities) : {}));
  await tx.$executeRaw`
    insert into usage_corrections (
      kind, identity, occurred_at, entity, project, model, period, corrected_period,
      requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, other_quantities,
      old_rate_id, new_rate_id, old_cost_picos, new_cost_picos, old_burnt_picos, new_burnt_picos,
      old_burns, new_burns, movements, reason, actor, booked_at
    )
    select
      kind, identity, occurred_at, entity, project, model, period, corrected_period,
      requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, other_quantities::jsonb,
      old_rate_id, new_rate_id, old_cost_picos, new_cost_picos, old_burnt_picos, new_burnt_picos,
      old_burns::jsonb, new_burns::jsonb, movements::jsonb,
      ${by.reason}::text, ${by.actor}::text, ${by.bookedAt}::timestamptz
    from unnest(
      ${pgArray(column((r) => r.kind))}::text[],
      ${pgArray(column((r) => r.identity))}::uuid[],
      ${pgArray(column((r) => r.occurredAt))}::timestamptz[],
      ${pgArray(column((r) => r.entity))}::text[],
      ${pgArray(column((r) => r.project))}::text[],
      ${pgArray(column((r) => r.model))}::text[],
      ${pgArray(column((r) => r.period))}::text[],
      ${pgArray(column((r) => r.correctedPeriod))}::text[],
      ${pgArray(column((r) => (r.kind === 'void' ? -1 : 0)))}::bigint[],
      ${pgArray(counts.map((c) => c.inputTokens))}::bigint[],
      ${pgArray(counts.map((c) => c.cachedInputTokens))}::bigint[],
      ${pgArray(counts.map((c) => c.outputTokens))}::bigint[],
      ${pgArray(counts.map((c) => c.reasoningTokens))}::bigint[],
      ${pgArray(counts.map((c) => (c.otherQuantities === null ? null : JSON.stringify(c.otherQuantities))))}::text[],
      ${pgArray(column((r) => r.oldRateId))}::bigint[],
      ${pgArray(column((r) => r.newRateId))}::bigint[],
      ${pgArray(column((r) => r.oldCostPicos))}::numeric[],
      ${pgArray(column((r) => r.newCostPicos))}::numeric[],
      ${pgArray(column((r) => burntPicos(r.oldBurns)))}::numeric[],
      ${pgArray(column((r) => burntPicos(r.newBurns)))}::numeric[],
      ${pgArray(column((r) => burnsJson(r.oldBurns)))}::text[],
      ${pgArray(column((r) => burnsJson(r.newBurns)))}::text[],
      ${pgArray(column((r) => movementsJson(r.movements)))}::text[]
    ) with ordinality as t (
      kind, identity, occurred_at, entity, project, model, period, corrected_period,
      requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, other_quantities,
      old_rate_id, new_rate_id, old_cost_picos, new_cost_picos, old_burnt_picos, new_burnt_picos,
      old_burns, new_burns, movements, place
    )
    order by place`;
}

function negated(quantities: Quantities): Quantities {
  return Object.fromEntries(Object.entries(quantities).map(([meter, quantity]) => [meter, -quantity]));
}

/** What waits for a price after a correction. An event that is voided waits for nothing. */
export async function setUnpricedMeters(
  tx: Tx,
  rows: readonly { entity: string; occurredAt: Date; identity: string; unpricedMeters: readonly Meter[] }[],
): Promise<void> {
  await tx.$executeRaw`
    update usage_events e set unpriced_meters = string_to_array(r.unpriced_meters, ',')
    from unnest(
      ${pgArray(rows.map((r) => r.entity))}::text[],
      ${pgArray(rows.map((r) => r.occurredAt))}::timestamptz[],
      ${pgArray(rows.map((r) => r.identity))}::uuid[],
      ${pgArray(rows.map((r) => (r.unpricedMeters.length === 0 ? null : r.unpricedMeters.join(','))))}::text[]
    ) as r (entity, occurred_at, identity, unpriced_meters)
    where e.entity = r.entity and e.occurred_at = r.occurred_at and e.identity = r.identity`;
}

export type CorrectionRow = {
  /** A number for corrections; an event's identity for late usage. */
  readonly id: string;
  readonly kind: 'void' | 'rerate' | 'late_usage';
  readonly source: string;
  readonly eventId: string;
  readonly occurredAt: Date;
  readonly entity: string;
  readonly project: string;
  readonly model: string;
  readonly period: string;
  /** For late usage the period that it occurred in. */
  readonly correctedPeriod: string;
  readonly requests: bigint;
  readonly inputTokens: bigint;
  readonly cachedInputTokens: bigint;
  readonly outputTokens: bigint;
  readonly quantities: Readonly<Record<string, number>>;
  readonly oldPriceId: bigint | null;
  readonly newPriceId: bigint | null;
  readonly costPicos: bigint;
  /** Grant id → picodollars as a string: plus is burnt, minus is given back. */
  readonly burns: Readonly<Record<string, string>>;
  readonly overagePicos: bigint;
  readonly reason: string | null;
  readonly actor: string | null;
  readonly bookedAt: Date;
};

/** Null in any field is no condition. Times are those of the booking: from `from` on, before `to`. */
export type CorrectionFilter = {
  readonly entity: string | null;
  readonly period: string | null;
  readonly kind: CorrectionRow['kind'] | null;
  readonly from: Date | null;
  readonly to: Date | null;
};

type Row = Omit<CorrectionRow, 'costPicos' | 'overagePicos'> & { cost: string; overage: string };

const CORRECTIONS = Prisma.sql`
  select
    c.id::text as id, c.kind, coalesce(e.source, k.event ->> 'source') as source, coalesce(e.id, k.event ->> 'id') as "eventId", c.occurred_at as "occurredAt", c.entity, c.project, c.model,
    c.period, c.corrected_period as "correctedPeriod",
    c.requests, c.input_tokens as "inputTokens", c.cached_input_tokens as "cachedInputTokens",
    c.output_tokens as "outputTokens",
    quantities_of(c.input_tokens, c.cached_input_tokens, c.output_tokens, c.reasoning_tokens, c.other_quantities) as quantities,
    coalesce(o.price_id, 0) as "oldPriceId",
    case when c.new_rate_id is not null then coalesce(n.price_id, 0) end as "newPriceId",
    (c.new_cost_picos - c.old_cost_picos)::text as cost,
    (
      select coalesce(jsonb_object_agg(m.grant_id, m.picos::text), '{}')
      from (
        select m ->> 'grant' as grant_id, sum((m ->> 'picos')::numeric) as picos
        from jsonb_array_elements(c.movements) m where m ->> 'grant' is not null group by 1
      ) m
    ) as burns,
    (c.new_cost_picos - c.new_burnt_picos - c.old_cost_picos + c.old_burnt_picos)::text as overage,
    c.reason, c.actor, c.booked_at as "bookedAt"
  from usage_corrections c
  left join rated_events e on e.entity = c.entity and e.occurred_at = c.occurred_at and e.identity = c.identity
  left join kept_events k on k.entity = c.entity and k.occurred_at = c.occurred_at and k.identity = c.identity
  left join rates o on o.id = c.old_rate_id
  left join rates n on n.id = c.new_rate_id`;

/** Dropped events that are kept for these lists: of one entity, whose key the index serves, or of all where it is null. */
function keptEvents(entity: string | null): Prisma.Sql {
  const where = entity === null ? Prisma.empty : Prisma.sql`where k.entity = ${entity}::text`;
  return Prisma.sql`(select e.* from kept_events k, jsonb_populate_record(null::rated_events, k.event) e ${where})`;
}

/** The same columns of usage that arrived after its own period, for every event. */
const lateUsage = (events: Prisma.Sql) => Prisma.sql`
  select
    e.identity::text as id, 'late_usage' as kind, e.source, e.id as "eventId", e.occurred_at as "occurredAt", e.entity, e.project,
    e.model, e.period, to_char(e.occurred_at at time zone 'UTC', 'YYYY-MM') as "correctedPeriod",
    1::bigint as requests, e.input_tokens as "inputTokens", e.cached_input_tokens as "cachedInputTokens", e.output_tokens as "outputTokens",
    quantities_of(e.input_tokens, e.cached_input_tokens, e.output_tokens, e.reasoning_tokens, e.other_quantities) as quantities,
    null::bigint as "oldPriceId", coalesce((select r.price_id from rates r where r.id = e.rate_id), 0) as "newPriceId",
    e.cost_picos::text as cost, coalesce(e.burns, '{}') as burns, (e.cost_picos - e.burnt_picos)::text as overage,
    null as reason, null as actor, coalesce(e.charged_at, e.booked_at) as "bookedAt"
  from ${events} e`;
const LATE_USAGE = lateUsage(Prisma.sql`rated_events`);

/** What makes an event late usage. */
const IS_LATE = Prisma.sql`
  coalesce(charged_at, booked_at) - occurred_at > interval '72 hours'
  and period > to_char(occurred_at at time zone 'UTC', 'YYYY-MM')`;

/** A void or a re-rating by its number, or null. */
export async function findCorrection(tx: Tx, id: bigint): Promise<CorrectionRow | null> {
  const rows = await tx.$queryRaw<Row[]>`${CORRECTIONS} where c.id = ${id}::bigint`;
  return rows[0] === undefined ? null : toCorrection(rows[0]);
}

/** Late usage by its event's identity, or null; found for as long as identities are kept. */
export async function findLateUsage(tx: Tx, identity: string): Promise<CorrectionRow | null> {
  const rows = await tx.$queryRaw<Row[]>`
    ${LATE_USAGE}
    where e.identity = ${identity}::uuid and ${IS_LATE}
      and e.occurred_at = (select i.occurred_at from usage_identities i where i.identity = ${identity}::uuid)`;
  return rows[0] === undefined ? null : toCorrection(rows[0]);
}

/** The void of an event, or null. */
export async function findVoid(
  tx: Tx,
  of: { entity: string; identity: string; occurredAt: Date },
): Promise<CorrectionRow | null> {
  const rows = await tx.$queryRaw<Row[]>`
    ${CORRECTIONS}
    where c.entity = ${of.entity}::text and c.occurred_at = ${of.occurredAt}::timestamptz
      and c.identity = ${of.identity}::uuid and c.kind = 'void'`;
  return rows[0] === undefined ? null : toCorrection(rows[0]);
}

/**
 * A page, by when it was booked, of what was booked in `period` but is not of it alone: voids, re-ratings, and usage that arrived after
 * its own period. `after` is the last id of the page before.
 */
export async function findCorrections(
  tx: Tx,
  page: CorrectionFilter & { order: Order; after: string | null; limit: number },
): Promise<CorrectionRow[]> {
  const [direction, comparison] = [Prisma.raw(page.order), Prisma.raw(comparisonOf(page.order))];
  const kept = keptEvents(page.entity);
  const rows = await tx.$queryRaw<Row[]>`
    with listed as materialized (
      select entity, kind, id::text as id, id as correction_id, identity, occurred_at, booked_at
      from usage_corrections
      where (${page.entity}::text is null or entity = ${page.entity}::text)
        and (${page.period}::text is null or period = ${page.period}::text)
      union all
      select entity, 'late_usage', identity::text, null, identity, occurred_at, coalesce(charged_at, booked_at)
      from rated_events
      where (${page.entity}::text is null or entity = ${page.entity}::text)
        and (${page.period}::text is null or period = ${page.period}::text)
        and ${IS_LATE}
      union all
      select entity, 'late_usage', identity::text, null, identity, occurred_at, coalesce(charged_at, booked_at)
      from ${kept} e
      where (${page.period}::text is null or period = ${page.period}::text)
        and ${IS_LATE}
    ), page as materialized (
      select * from listed
      where (${page.kind}::text is null or kind = ${page.kind}::text)
        and (${page.from}::timestamptz is null or booked_at >= ${page.from}::timestamptz)
        and (${page.to}::timestamptz is null or booked_at < ${page.to}::timestamptz)
        and (${page.after}::text is null or (booked_at, length(id), id) ${comparison} (
        select booked_at, length(id), id from listed where id = ${page.after}::text
      ))
      order by booked_at ${direction}, length(id) ${direction}, id ${direction}
      limit ${page.limit}::integer
    ), corrections as (
      ${CORRECTIONS}
      where (c.entity, c.id) in (select entity, correction_id from page)
      union all
      ${LATE_USAGE}
      where (e.entity, e.occurred_at, e.identity) in (
        select entity, occurred_at, identity from page where correction_id is null
      )
      union all
      ${lateUsage(kept)}
      where (e.entity, e.occurred_at, e.identity) in (
        select entity, occurred_at, identity from page where correction_id is null
      )
    )
    select * from corrections order by "bookedAt" ${direction}, length(id) ${direction}, id ${direction}`;
  return rows.map(toCorrection);
}

function toCorrection({ cost, overage, ...row }: Row): CorrectionRow {
  return { ...row, costPicos: BigInt(cost), overagePicos: BigInt(overage) };
}
