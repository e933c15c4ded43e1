/** Counted events together with their corrections: what each costs now, and which grants paid it in which hours. */
import type { Movement } from './give-back.js';
import type { EntityName, ProjectName } from '../domain/ids.js';
import {
  quantitiesFromColumns,
  unitPricesFromJson,
  type QuantityColumns,
  type UnitPricesJson,
} from '../domain/meter-charges.js';
import type { Meter } from '../domain/meters.js';
import { hourOf, type Period } from '../domain/period.js';
import type { UnitPrices } from '../domain/price.js';
import type { UsageEvent } from '../domain/usage.js';
import type { Tx } from '../platform/database.js';
import { Prisma } from '../platform/prisma/client.js';

export type CorrectableEvent = {
  readonly identity: string;
  readonly event: UsageEvent;
  /** The period that the event was charged to. */
  readonly period: Period;
  /** As of the last correction. */
  readonly rateId: bigint;
  readonly costPicos: bigint;
  /** Null while the event has no rate. */
  readonly rate: { readonly priceId: bigint; readonly unitPrices: UnitPrices } | null;
  /** What waits for a price. */
  readonly unpricedMeters: readonly Meter[];
  /** Also true of usage that has no meters, but may be charged for the request as such once its model has a price. */
  readonly isWaiting: boolean;
  readonly isCorrected: boolean;
  readonly isVoided: boolean;
  /** Of the event and of all its corrections. */
  readonly movements: readonly Movement[];
};

/** How a movement stands in a correction's row. */
export type MovementJson = { grant: string | null; hour: string; period: string; picos: string };

type Row = QuantityColumns & {
  identity: string;
  source: string;
  id: string;
  entity: EntityName;
  project: ProjectName;
  occurred_at: Date;
  model: string;
  operation: string;
  period: Period;
  charged_at: Date;
  service_tier: string;
  region: string | null;
  attributes: Record<string, string> | null;
  unpriced_meters: Meter[] | null;
  price_id: bigint | null;
  unit_prices: UnitPricesJson | null;
  cost: string;
  burns: Record<string, string> | null;
  now_rate_id: bigint;
  now_cost: string;
  is_voided: boolean;
  movements: MovementJson[][] | null;
};

/** Every counted event `e` with the sum of its corrections `c`. */
const COUNTED = Prisma.sql`
  select
    e.identity::text, e.source, e.id, e.entity, e.project, e.occurred_at, e.model, e.operation, e.period,
    coalesce(e.charged_at, e.booked_at) as charged_at,
    e.input_tokens as "inputTokens", e.cached_input_tokens as "cachedInputTokens", e.output_tokens as "outputTokens",
    e.reasoning_tokens as "reasoningTokens", e.other_quantities as "otherQuantities",
    e.service_tier, e.details ->> 'region' as region, e.details -> 'attributes' as attributes, e.unpriced_meters,
    r.price_id, r.unit_prices,
    e.cost_picos::text as cost, e.burns,
    coalesce(c.rate_id, e.rate_id) as now_rate_id, coalesce(c.cost_picos, e.cost_picos)::text as now_cost,
    coalesce(c.is_voided, false) as is_voided, c.movements
  from rated_events e
  cross join lateral (
    select
      (array_agg(u.new_rate_id order by u.id desc))[1] as rate_id,
      (array_agg(u.new_cost_picos order by u.id desc))[1] as cost_picos,
      bool_or(u.kind = 'void') as is_voided,
      jsonb_agg(u.movements order by u.id) as movements
    from usage_corrections u
    where u.entity = e.entity and u.occurred_at = e.occurred_at and u.identity = e.identity
  ) c
  left join rates r on r.id = coalesce(c.rate_id, e.rate_id)`;

const MAY_HAVE_A_PRICE = Prisma.sql`
  e.unpriced_meters is not null and exists (
    select from prices p
    where p.model = e.model and (p.entity is null or p.entity = e.entity) and (e.rate_id = 0 or p.meters && e.unpriced_meters)
      and least(p.effective_from, p.first_for_meters_from) <= e.occurred_at
  )`;

/** One event, to be read under its entity's lock; null where the entity has none like it. */
export async function findCorrectable(
  tx: Tx,
  of: { entity: string; identity: string; occurredAt: Date },
): Promise<CorrectableEvent | null> {
  const rows = await tx.$queryRaw<Row[]>`
    ${COUNTED}
    where e.occurred_at = ${of.occurredAt}::timestamptz and e.identity = ${of.identity}::uuid
      and e.entity = ${of.entity}::text`;
  return rows[0] === undefined ? null : toCorrectable(rows[0]);
}

/** What a re-rating looks at: events of one model that occurred in [from, to). */
export type UsageRange = { readonly model: string; readonly from: Date; readonly to: Date };

/** The last event of the page before. */
export type EventCursor = { readonly occurredAt: Date; readonly identity: string };

export function cursorOf({ identity, event }: CorrectableEvent): EventCursor {
  return { identity, occurredAt: event.occurredAt };
}

/**
 * A page of an entity's charged events, in order of occurrence, whose price differs from the price in force for them now.
 * `domain/price.ts` defines which price is in force; the caller checks each event by it.
 */
export async function findMispriced(
  tx: Tx,
  of: UsageRange & { entity: string; after: EventCursor | null; limit: number },
): Promise<CorrectableEvent[]> {
  const after = of.after?.occurredAt ?? null;
  const rows = await tx.$queryRaw<Row[]>`
    ${COUNTED}
    cross join lateral (
      select p.id
      from prices p
      where p.model = e.model and p.effective_from <= e.occurred_at and (p.entity is null or p.entity = e.entity)
      order by p.entity is null, p.effective_from desc
      limit 1
    ) p
    where e.entity = ${of.entity}::text and e.model = ${of.model}::text
      and e.occurred_at >= ${of.from}::timestamptz and e.occurred_at < ${of.to}::timestamptz
      and (${after}::timestamptz is null
        or (e.occurred_at, e.identity) > (${after}::timestamptz, ${of.after?.identity ?? null}::uuid))
      and r.price_id <> p.id and c.is_voided is not true
    order by e.occurred_at, e.identity
    limit ${of.limit}::integer`;
  return rows.map(toCorrectable);
}

/**
 * A page of an entity's events that wait for the price of a meter, oldest first, for which a version may have it: one in force for them,
 * or one that reaches back. The caller looks at each by `domain/price.ts`.
 */
export async function findWaiting(
  tx: Tx,
  of: { entity: string; after: EventCursor | null; limit: number },
): Promise<CorrectableEvent[]> {
  const after = of.after?.occurredAt ?? null;
  const rows = await tx.$queryRaw<Row[]>`
    ${COUNTED}
    where e.entity = ${of.entity}::text and ${MAY_HAVE_A_PRICE}
      and (${after}::timestamptz is null
        or (e.occurred_at, e.identity) > (${after}::timestamptz, ${of.after?.identity ?? null}::uuid))
      and c.is_voided is not true
    order by e.occurred_at, e.identity
    limit ${of.limit}::integer`;
  return rows.map(toCorrectable);
}

/** The first thousand entities after one, by name, that have such events. */
export async function findEntitiesWaiting(tx: Tx, after: string): Promise<{ entity: EntityName }[]> {
  return tx.$queryRaw<{ entity: EntityName }[]>`
    select distinct e.entity from rated_events e where e.entity > ${after}::text and ${MAY_HAVE_A_PRICE}
    order by e.entity limit 1000`;
}

/** Reads one entry of an index that holds nothing else. */
export async function isAnyWaiting(tx: Tx): Promise<boolean> {
  const [row] = await tx.$queryRaw<[{ is: boolean }]>`
    select exists (select from usage_events where unpriced_meters is not null) as is`;
  return row.is;
}

/** How many events of the range the entity has. */
export async function countEvents(tx: Tx, of: UsageRange & { entity: string }): Promise<number> {
  const [row] = await tx.$queryRaw<[{ events: bigint }]>`
    select count(*) as events
    from rated_events
    where entity = ${of.entity}::text and model = ${of.model}::text
      and occurred_at >= ${of.from}::timestamptz and occurred_at < ${of.to}::timestamptz`;
  return Number(row.events);
}

/** Entities that used the model in the range, by name; all that may have, since roll-ups know hours only. */
export async function findEntitiesUsing(tx: Tx, of: UsageRange): Promise<EntityName[]> {
  const rows = await tx.$queryRaw<{ entity: EntityName }[]>`
    select distinct entity
    from hourly_usage
    where model = ${of.model}::text
      and hour >= ${hourOf(of.from)}::timestamptz and hour < ${of.to}::timestamptz
    order by entity`;
  return rows.map((row) => row.entity);
}

function toCorrectable(row: Row): CorrectableEvent {
  return {
    identity: row.identity,
    event: toEvent(row),
    period: row.period,
    rateId: row.now_rate_id,
    costPicos: BigInt(row.now_cost),
    rate:
      row.price_id === null
        ? null
        : { priceId: row.price_id, unitPrices: unitPricesFromJson(row.unit_prices ?? {}) },
    unpricedMeters: row.unpriced_meters ?? [],
    isWaiting: row.unpriced_meters !== null,
    isCorrected: row.movements !== null,
    isVoided: row.is_voided,
    movements: [...firstMovements(row), ...(row.movements ?? []).flat().map(fromJson)],
  };
}

/** What the event itself moved, in the hour in which it was charged. */
function firstMovements(row: Row): Movement[] {
  const at = { bookedHour: hourOf(row.charged_at), period: row.period };
  const burns = Object.entries(row.burns ?? {}).map(([grantId, picos]) => ({
    grantId,
    amountPicos: BigInt(picos),
    ...at,
  }));
  const overagePicos = burns.reduce((left, burn) => left - burn.amountPicos, BigInt(row.cost));
  return overagePicos === 0n ? burns : [...burns, { grantId: null, amountPicos: overagePicos, ...at }];
}

function fromJson({ grant, hour, period, picos }: MovementJson): Movement {
  return {
    grantId: grant,
    bookedHour: new Date(hour),
    period: period as Period,
    amountPicos: BigInt(picos),
  };
}

export function movementsJson(movements: readonly Movement[]): string {
  const json: MovementJson[] = movements.map(({ grantId, bookedHour, period, amountPicos }) => ({
    grant: grantId,
    hour: bookedHour.toISOString(),
    period,
    picos: String(amountPicos),
  }));
  return JSON.stringify(json);
}

function toEvent(row: Row): UsageEvent {
  return {
    source: row.source,
    id: row.id,
    entity: row.entity,
    project: row.project,
    occurredAt: row.occurred_at,
    model: row.model,
    operation: row.operation,
    quantities: quantitiesFromColumns(row),
    serviceTier: row.service_tier,
    region: row.region,
    attributes: row.attributes,
    // A correction changes the cost alone; what else the event says is no part of it.
    usageSource: 'reported',
    reservationId: null,
    apiKeyId: null,
    userId: null,
    requestId: null,
    tags: null,
    unread: [],
    rawUsage: null,
    mended: [],
  };
}
