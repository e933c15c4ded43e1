/** Counted events, a page at a time. */
import {
  quantitiesFromColumns,
  unitPricesFromJson,
  type QuantityColumns,
  type UnitPricesJson,
} from '../domain/meter-charges.js';
import type { Meter, Quantities } from '../domain/meters.js';
import type { UnitPrices } from '../domain/price.js';
import { comparisonOf, type Order } from '../http/list-order.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';
import { Prisma } from '../platform/prisma/client.js';
import { columnOf, conditionOf, type UsageFilters, type UsageGroup } from './usage-fields.sql.js';

/** An event's position in the order of pages. */
export type EventPlace = { readonly occurredAt: Date; readonly identity: string };

export type EventFilter = {
  readonly entity: string;
  /** Half open. */
  readonly start: Date;
  readonly end: Date;
  readonly filters: UsageFilters;
  /** Some quantity of each of them; none takes all. */
  readonly meters: readonly Meter[];
  /** `user`, `api_key`, `request_id` and `tag:…` that the event has not. */
  readonly without: readonly string[];
  /** Null takes all, here and below. */
  readonly requestId: string | null;
  readonly reservationId: string | null;
  /** The period that charged the event, or that corrected it. */
  readonly period: string | null;
  /** The price version that rated the event, or one of its corrections; 0 is usage without one. */
  readonly priceId: bigint | null;
  /** The rate of the event, or of one of its corrections. */
  readonly rateId: bigint | null;
  /** Only these; null takes all. */
  readonly identities: readonly string[] | null;
  readonly source: string | null;
};

/** What few events have. */
export type EventDetails = {
  readonly region?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly unread?: readonly string[];
  readonly usage?: Readonly<Record<string, unknown>>;
  readonly mended?: readonly string[];
};

export type EventCorrection = {
  readonly kind: 'void' | 'rerate';
  readonly period: string;
  readonly oldPicos: string;
  readonly newPicos: string;
  /** Null where it voids; "0" without a price. */
  readonly newRateId: string | null;
  readonly newPriceId: string | null;
  readonly reason: string;
  readonly bookedAt: string;
};

export type CountedEvent = EventPlace & {
  readonly source: string;
  readonly eventId: string;
  readonly project: string;
  readonly model: string;
  readonly operation: string;
  readonly bookedAt: Date;
  readonly period: string;
  readonly quantities: Quantities;
  readonly serviceTier: string;
  /** Null where every meter is charged. */
  readonly unpricedMeters: readonly string[] | null;
  readonly details: EventDetails | null;
  /** 0 while it has no price; then it has no version and no unit prices. */
  readonly rateId: bigint;
  readonly priceId: bigint | null;
  readonly unitPrices: UnitPrices | null;
  readonly costPicos: bigint;
  readonly burntPicos: bigint;
  /** Grant id → picodollars. */
  readonly burns: Readonly<Record<string, string>> | null;
  readonly usageSource: 'reported' | 'estimated';
  readonly apiKeyId: string | null;
  readonly userId: string | null;
  readonly requestId: string | null;
  readonly reservationId: string | null;
  readonly tags: Readonly<Record<string, string>> | null;
  readonly corrections: readonly EventCorrection[] | null;
};

type Row = Omit<CountedEvent, 'costPicos' | 'burntPicos' | 'quantities' | 'unitPrices'> &
  QuantityColumns & { cost: string; burnt: string; unitPricesJson: UnitPricesJson | null };

/** The corrections `c` of an event `e`. */
const CORRECTS = Prisma.sql`c.entity = e.entity and c.occurred_at = e.occurred_at and c.identity = e.identity`;

/**
 * What is kept of dropped months: late usage and corrected events, without persons. `where` is about the key of `k`, so that the index finds
 * the rows and no other event's JSON is unpacked.
 */
function keptEvents(where: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`(
    select e.* from kept_events k, jsonb_populate_record(null::rated_events, k.event) e where ${where}
  )`;
}

type Described = Pick<EventFilter, 'filters' | 'meters' | 'without' | 'requestId' | 'reservationId'>;

/** What the event itself says, not its price. */
function isDescribed(of: Described): Prisma.Sql {
  return Prisma.join(
    [
      conditionOf(of.filters, 'e'),
      ...of.meters.map(hasMeter),
      ...of.without.map((name) =>
        name === 'request_id'
          ? Prisma.sql`e.request_id is null`
          : Prisma.sql`${columnOf(name as UsageGroup, 'e')} is null`,
      ),
      Prisma.sql`(${of.requestId}::text is null or e.request_id = ${of.requestId}::text)`,
      Prisma.sql`(${of.reservationId}::text is null or e.reservation_id = ${of.reservationId}::text)`,
    ],
    ' and ',
  );
}

/** In rated_events the output tokens hold the reasoning. Every event is a request. */
function hasMeter(meter: Meter): Prisma.Sql {
  if (meter === 'request') return Prisma.sql`true`;
  if (meter === 'input') return Prisma.sql`e.input_tokens > 0`;
  if (meter === 'cached_input') return Prisma.sql`e.cached_input_tokens > 0`;
  if (meter === 'output') return Prisma.sql`e.output_tokens > e.reasoning_tokens`;
  if (meter === 'reasoning') return Prisma.sql`e.reasoning_tokens > 0`;
  return Prisma.sql`(e.other_quantities ->> ${meter}::text)::numeric > 0`;
}

/** Whether there is such an event of the entity at this place. */
export async function hasCountedEvent(
  tx: Tx,
  of: Described & { entity: string; place: EventPlace },
): Promise<boolean> {
  const [row] = await tx.$queryRaw<[{ found: boolean }]>`
    select exists (
      select from rated_events e where ${isAtPlace(of)} and ${isDescribed(of)}
      union all
      select from ${keptAt(of)} e where ${isAtPlace(of)} and ${isDescribed(of)}
    ) as found`;
  return row.found;
}

type AtPlace = { readonly entity: string; readonly place: EventPlace };

function keptAt({ entity, place }: AtPlace): Prisma.Sql {
  return keptEvents(Prisma.sql`k.entity = ${entity}::text
    and k.occurred_at = ${place.occurredAt}::timestamptz and k.identity = ${place.identity}::uuid`);
}

function isAtPlace({ entity, place }: AtPlace): Prisma.Sql {
  return Prisma.sql`e.entity = ${entity}::text and e.occurred_at = ${place.occurredAt}::timestamptz
    and e.identity = ${place.identity}::uuid`;
}

/** Who has reported events of the entity: an event's identity holds its source. */
export async function findSourcesOf(tx: Tx, entity: string, limit: number): Promise<string[]> {
  const rows = await tx.$queryRaw<{ source: string }[]>`
    select distinct source from usage_origins where entity = ${entity}::text order by source limit ${limit}::integer`;
  return rows.map(({ source }) => source);
}

/** When the events of these identities occurred: the first and the last. Null where none of them is known any more. */
export async function findSpanOf(
  tx: Tx,
  identities: readonly string[],
): Promise<{ first: Date; last: Date } | null> {
  const [row] = await tx.$queryRaw<[{ first: Date | null; last: Date | null }]>`
    select min(occurred_at) as first, max(occurred_at) as last from usage_identities
    where identity = any(${pgArray(identities)}::uuid[])`;
  const { first, last } = row;
  return first === null || last === null ? null : { first, last };
}

type Page = EventFilter & { order: Order; after: EventPlace | null; limit: number };

/** A page of `events`, which has the columns of rated_events. */
function pageOf(events: Prisma.Sql, of: Page): Prisma.Sql {
  const direction = Prisma.raw(of.order);
  const [priceId, rateId] = [of.priceId, of.rateId].map((id) => (id === null ? null : String(id)));
  return Prisma.sql`
    select e.*
    from ${events} e
    where e.entity = ${of.entity}::text
      and e.occurred_at >= ${of.start}::timestamptz and e.occurred_at < ${of.end}::timestamptz
      and ${isDescribed(of)}
      and (${of.source}::text is null or e.source = ${of.source}::text)
      and (${of.identities === null}::boolean or e.identity = any(${pgArray(of.identities ?? [])}::uuid[]))
      and (${of.period}::text is null or e.period = ${of.period}::text or exists (
        select from usage_corrections c
        where ${CORRECTS} and c.period = ${of.period}::text
      ))
      and (${priceId}::bigint is null or e.rate_id in (select id from rated) or exists (
        select from usage_corrections c
        where ${CORRECTS} and (
          c.old_rate_id in (select id from rated) or c.new_rate_id in (select id from rated)
        )
      ))
      and (${rateId}::bigint is null or e.rate_id = ${rateId}::bigint or exists (
        select from usage_corrections c
        where ${CORRECTS} and ${rateId}::bigint in (c.old_rate_id, c.new_rate_id)
      ))
      and (${of.after?.identity ?? null}::uuid is null or (e.occurred_at, e.identity) ${Prisma.raw(comparisonOf(of.order))} (
        ${of.after?.occurredAt ?? null}::timestamptz, ${of.after?.identity ?? null}::uuid
      ))
    order by e.occurred_at ${direction}, e.identity ${direction}
    limit ${of.limit}::integer`;
}

/** The events of the relation `page` with their prices and corrections. */
const EVENTS_OF_PAGE = Prisma.sql`
    select
      e.occurred_at as "occurredAt", e.identity::text, e.source, e.id as "eventId", e.project, e.model, e.operation,
      e.booked_at as "bookedAt", e.period, e.input_tokens as "inputTokens",
      e.cached_input_tokens as "cachedInputTokens", e.output_tokens as "outputTokens",
      e.reasoning_tokens as "reasoningTokens", e.other_quantities as "otherQuantities", e.service_tier as "serviceTier",
      e.unpriced_meters as "unpricedMeters", e.details, e.rate_id as "rateId", r.price_id as "priceId",
      r.unit_prices as "unitPricesJson",
      e.cost_picos::text as cost, e.burnt_picos::text as burnt, e.burns, e.usage_source as "usageSource",
      e.api_key_id as "apiKeyId", e.user_id as "userId", e.request_id as "requestId",
      e.reservation_id as "reservationId", e.tags,
      (
        select jsonb_agg(
          jsonb_build_object(
            'kind', c.kind, 'period', c.period, 'oldPicos', c.old_cost_picos::text, 'newPicos', c.new_cost_picos::text,
            'newRateId', c.new_rate_id::text,
            'newPriceId', case when c.new_rate_id = 0 then '0' else n.price_id::text end, 'reason', c.reason,
            'bookedAt', to_char(c.booked_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
          ) order by c.id
        )
        from usage_corrections c left join rates n on n.id = c.new_rate_id
        where ${CORRECTS}
      ) as corrections
    from page e left join rates r on r.id = e.rate_id`;

/**
 * As first rated, by when they occurred, each with its corrections in the order of booking. `after` is the last event of the previous page. Of a month
 * that was dropped it returns what is kept: all that was charged to another month, and all that was corrected.
 */
export async function findCountedEvents(tx: Tx, of: Page): Promise<CountedEvent[]> {
  const priceId = of.priceId === null ? null : String(of.priceId);
  const direction = Prisma.raw(of.order);
  const kept = keptEvents(Prisma.sql`k.entity = ${of.entity}::text
    and k.occurred_at >= ${of.start}::timestamptz and k.occurred_at < ${of.end}::timestamptz`);
  const rows = await tx.$queryRaw<Row[]>`
    with rated as (
      select id from rates where price_id = ${priceId}::bigint
      union all select 0 where ${priceId}::bigint = 0
    ), page as (
      select * from ((${pageOf(Prisma.sql`rated_events`, of)}) union all (${pageOf(kept, of)})) e
      order by e.occurred_at ${direction}, e.identity ${direction}
      limit ${of.limit}::integer
    )
    ${EVENTS_OF_PAGE}
    order by e.occurred_at ${direction}, e.identity ${direction}`;
  return rows.map(readRow);
}

/** Also one that is kept of a dropped month; null where there is none. */
export async function findCountedEvent(tx: Tx, of: AtPlace): Promise<CountedEvent | null> {
  const rows = await tx.$queryRaw<Row[]>`
    with page as (
      select e.* from rated_events e where ${isAtPlace(of)}
      union all
      select e.* from ${keptAt(of)} e where ${isAtPlace(of)}
    )
    ${EVENTS_OF_PAGE}`;
  const [row] = rows.map(readRow);
  return row ?? null;
}

function readRow({ cost, burnt, unitPricesJson, ...row }: Row): CountedEvent {
  return {
    ...row,
    quantities: quantitiesFromColumns(row),
    unitPrices: unitPricesJson === null ? null : unitPricesFromJson(unitPricesJson),
    costPicos: BigInt(cost),
    burntPicos: BigInt(burnt),
  };
}
