/** Usage that waits for the price of a meter. */
import type { QuantityColumns } from '../domain/meter-charges.js';
import type { Meter } from '../domain/meters.js';
import type { Period } from '../domain/period.js';
import { comparisonOf, type Order } from '../http/list-order.js';
import { pgArray } from '../platform/pg-array.js';
import type { Tx } from '../platform/database.js';
import { Prisma } from '../platform/prisma/client.js';

/** A list price concerns all entities, another one its own. */
type Scope = { readonly model: string; readonly entity: string | null };

const waitingIn = ({ model, entity }: Scope) => Prisma.sql`
  e.unpriced_meters is not null and e.model = ${model}::text
  and (${entity}::text is null or e.entity = ${entity}::text)`;

const HAS_PRICE_IN_FORCE = Prisma.sql`
  exists (
    select from prices p
    where p.model = e.model and (p.entity is null or p.entity = e.entity) and p.effective_from <= e.occurred_at
  )`;

/**
 * When the oldest of the usage occurred that waits for one of these meters in an open period; null where there is none. `isPriced` looks
 * at usage whose model had a price at its time, which lacks the meter; otherwise at usage whose model had none. Needs the lock of the
 * price book, so that no such usage is counted meanwhile.
 */
export async function findOldestWaiting(
  tx: Tx,
  of: Scope & { meters: readonly Meter[]; openFrom: Period; isPriced: boolean; before: Date },
): Promise<Date | null> {
  const [row] = await tx.$queryRaw<[{ at: Date | null }]>`
    select min(e.occurred_at) as at
    from rated_events e
    where ${waitingIn(of)} and (e.rate_id = 0 or e.unpriced_meters && ${pgArray(of.meters)}::text[])
      and e.occurred_at < ${of.before}::timestamptz and e.period >= ${of.openFrom}::text
      and not exists (select from closed_periods c where c.entity = e.entity and c.period = e.period)
      and ${HAS_PRICE_IN_FORCE} = ${of.isPriced}::boolean`;
  return row.at;
}

/**
 * How many waiting events a version charges, and how many of its model and entity still wait: one that lacks the price of another meter is
 * both. It charges those for which it is in force, and those
 * that it reaches back to.
 */
export async function countWaiting(
  tx: Tx,
  of: Scope & {
    meters: readonly Meter[];
    from: Date;
    /** When the next version of the same entity follows. */
    until: Date | null;
    firstForMetersFrom: Date | null;
  },
): Promise<{ charged: number; waiting: number }> {
  const [row] = await tx.$queryRaw<[{ charged: bigint; waiting: bigint }]>`
    select
      count(*) filter (where c.charged) as charged,
      count(*) filter (where not (c.charged and e.unpriced_meters <@ ${pgArray(of.meters)}::text[])) as waiting
    from rated_events e
    cross join lateral (
      select (e.rate_id = 0 or e.unpriced_meters && ${pgArray(of.meters)}::text[])
          and case
            when e.occurred_at >= ${of.from}::timestamptz then
              (${of.until}::timestamptz is null or e.occurred_at < ${of.until}::timestamptz)
              and (${of.entity}::text is not null or not exists (
                select from prices o
                where o.model = e.model and o.entity = e.entity and o.effective_from <= e.occurred_at
              ))
            else e.occurred_at >= ${of.firstForMetersFrom}::timestamptz and ${HAS_PRICE_IN_FORCE}
          end is true as charged
    ) c
    where ${waitingIn(of)}`;
  return { charged: Number(row.charged), waiting: Number(row.waiting) };
}

export type WaitingUsage = QuantityColumns & {
  readonly model: string;
  readonly entity: string;
  readonly events: bigint;
  /** When the oldest and the newest occurred. */
  readonly since: Date;
  readonly until: Date;
};

/** Whether an entity ever used a model: what waited when a page was read may have its price by the next one. */
export async function hasUsed(tx: Tx, of: { model: string; entity: string }): Promise<boolean> {
  const [row] = await tx.$queryRaw<[{ used: boolean }]>`
    select exists (
      select from usage_series s where s.entity = ${of.entity}::text and s.model = ${of.model}::text
    ) as used`;
  return row.used;
}

/** By model and entity, with the quantities of the meters that wait. */
export async function listWaitingUsage(
  tx: Tx,
  of: {
    model: string | null;
    entity: string | null;
    order?: Order;
    after: { model: string; entity: string } | null;
    limit: number;
  },
): Promise<WaitingUsage[]> {
  const { order = 'asc' } = of;
  const [direction, comparison] = [Prisma.raw(order), Prisma.raw(comparisonOf(order))];
  const after = of.after?.model ?? null;
  return tx.$queryRaw<WaitingUsage[]>`
    select
      e.model, e.entity, count(*) as events, min(e.occurred_at) as since, max(e.occurred_at) as until,
      ${sumWhereWaiting('input', Prisma.sql`e.input_tokens`)} as "inputTokens",
      ${sumWhereWaiting('cached_input', Prisma.sql`e.cached_input_tokens`)} as "cachedInputTokens",
      ${sumWhereWaiting('output', Prisma.sql`e.output_tokens - e.reasoning_tokens`)}
        + ${sumWhereWaiting('reasoning', Prisma.sql`e.reasoning_tokens`)} as "outputTokens",
      ${sumWhereWaiting('reasoning', Prisma.sql`e.reasoning_tokens`)} as "reasoningTokens",
      sum_quantities((
        select jsonb_object_agg(o.meter, o.quantity)
        from jsonb_each_text(e.other_quantities) o (meter, quantity)
        where o.meter = any(e.unpriced_meters)
      )) as "otherQuantities"
    from rated_events e
    where e.unpriced_meters is not null
      and (${of.model}::text is null or e.model = ${of.model}::text)
      and (${of.entity}::text is null or e.entity = ${of.entity}::text)
      and (${after}::text is null or (e.model, e.entity) ${comparison} (${after}::text, ${of.after?.entity ?? null}::text))
    group by e.model, e.entity
    order by e.model ${direction}, e.entity ${direction}
    limit ${of.limit}::integer`;
}

function sumWhereWaiting(meter: Meter, quantity: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`coalesce(sum(${quantity}) filter (where ${meter}::text = any(e.unpriced_meters)), 0)::bigint`;
}
