/**
 * Prices that are written beside the book and enter it in one short statement. Usage is counted while they are staged; it waits only for
 * that statement.
 */
import { unitPricesJson } from '../domain/meter-charges.js';
import { chargeableMeters, unitPricesUnder, type PriceTerms } from '../domain/price.js';
import type { Period } from '../domain/period.js';
import { pgArray } from '../platform/pg-array.js';
import type { Tx } from '../platform/database.js';
import { Prisma } from '../platform/prisma/client.js';
import type { PriceTermsBody } from './price-terms.schema.js';

/** A list price. */
export type StagedPrice = PriceTerms & {
  readonly model: string;
  readonly terms: PriceTermsBody;
  readonly maxInputTokens: number;
  readonly maxOutputTokens: number;
};

/** Of this transaction alone. */
export async function createStage(tx: Tx): Promise<void> {
  await tx.$executeRaw`
    create temp table staged_prices (
      model text primary key,
      terms jsonb not null,
      meters text[] not null,
      max_input_tokens integer not null,
      max_output_tokens integer not null,
      base_rate jsonb not null,
      -- The oldest usage that waited for it before the book was locked, and whether the model had a price by then.
      oldest timestamptz(3),
      was_priced boolean
    ) on commit drop`;
}

/** A slice at a time, each of other models. */
export async function stagePrices(tx: Tx, prices: readonly StagedPrice[]): Promise<void> {
  const column = <T>(pick: (price: StagedPrice) => T): T[] => prices.map(pick);
  await tx.$executeRaw`
    insert into staged_prices (model, terms, meters, max_input_tokens, max_output_tokens, base_rate)
    select model, terms::jsonb, meters::text[], max_input_tokens, max_output_tokens, base_rate::jsonb
    from unnest(
      ${pgArray(column((p) => p.model))}::text[],
      ${pgArray(column((p) => JSON.stringify(p.terms)))}::text[],
      ${pgArray(column((p) => pgArray(chargeableMeters(p))))}::text[],
      ${pgArray(column((p) => p.maxInputTokens))}::integer[],
      ${pgArray(column((p) => p.maxOutputTokens))}::integer[],
      ${pgArray(column((p) => JSON.stringify(unitPricesJson(unitPricesUnder(p, [])))))}::text[]
    ) as t (model, terms, meters, max_input_tokens, max_output_tokens, base_rate)`;
}

type Switch = { readonly at: Date; readonly openFrom: Period };

/** Which staged models have a price at that time, what is known of the usage that waits for them, and the oldest that waits beyond that. */
const waitingFor = ({ at, openFrom }: Switch) => Prisma.sql`
    priced as materialized (
      select distinct model from prices where entity is null and effective_from <= ${at}::timestamptz
    ), known as materialized (
      select model, oldest from staged_prices where was_priced = (model in (select model from priced))
    ), waiting as (
      select e.model, min(e.occurred_at) as oldest
      from rated_events e
      join staged_prices s on s.model = e.model and (e.rate_id = 0 or s.meters && e.unpriced_meters)
      left join known k on k.model = s.model
      where e.unpriced_meters is not null
        and e.occurred_at < coalesce(k.oldest, ${at}::timestamptz) and e.period >= ${openFrom}::text
        and not exists (select from closed_periods c where c.entity = e.entity and c.period = e.period)
        and exists (
          select from prices p
          where p.model = e.model and (p.entity is null or p.entity = e.entity) and p.effective_from <= e.occurred_at
        ) = (e.model in (select model from priced))
      group by e.model
    )`;

/** Looks for what waits, while usage is counted, so that little is left to look for under the book's lock. */
export async function findWaitingForStaged(tx: Tx, of: Switch): Promise<void> {
  await tx.$executeRaw`
    with ${waitingFor(of)}
    update staged_prices s set oldest = w.oldest, was_priced = s.model in (select model from priced)
    from waiting w where w.model = s.model`;
}

/**
 * Publishes what is staged, from `at` on or reaching back as `reachBack` does, and returns the id of each version by its model. Needs the lock of the
 * price book, and a book in which nothing has changed since the prices were compared with it.
 */
export async function publishStaged(
  tx: Tx,
  { at, openFrom, source }: Switch & { source: string },
): Promise<Map<string, bigint>> {
  const rows = await tx.$queryRaw<{ model: string; id: bigint }[]>`
    with ${waitingFor({ at, openFrom })}, found as (
      select s.model, coalesce(w.oldest, k.oldest) as oldest
      from staged_prices s
      left join waiting w on w.model = s.model
      left join known k on k.model = s.model
    ), added as (
      insert into prices (
        model, entity, effective_from, terms, meters, first_for_meters_from, max_input_tokens, max_output_tokens,
        source, created_at
      )
      select
        s.model, null, case when p.model is null then coalesce(w.oldest, ${at}::timestamptz) else ${at}::timestamptz end,
        s.terms, s.meters, case when p.model is null then null else w.oldest end,
        s.max_input_tokens, s.max_output_tokens, ${source}::text, ${at}::timestamptz
      from staged_prices s
      left join priced p on p.model = s.model
      left join found w on w.model = s.model
      order by s.model
      on conflict do nothing
      returning id, model
    ), rated as (
      insert into rates (price_id, unit_prices)
      select a.id, s.base_rate from added a join staged_prices s on s.model = a.model
    )
    select model, id from added`;
  return new Map(rows.map(({ model, id }) => [model, id]));
}

/** The id of the version that was added last; 0 where there is none. What was compared with the book is stale once it has changed. */
export async function findNewestId(tx: Tx): Promise<bigint> {
  const [row] = await tx.$queryRaw<[{ id: bigint }]>`select coalesce(max(id), 0) as id from prices`;
  return row.id;
}
