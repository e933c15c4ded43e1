/** Rates: what price versions resolve to, each kept once. */
import type { UnitPricesJson } from '../domain/meter-charges.js';
import { pgArray } from '../platform/pg-array.js';
import type { Tx } from '../platform/database.js';

/** `unitPrices` is the JSON text of a `UnitPricesJson`. */
export type RateContent = { readonly priceId: bigint; readonly unitPrices: string };

type FoundRate = {
  /** Of the content that was looked for. */
  readonly index: number;
  readonly id: bigint;
  /** False for one that this transaction has inserted itself: a rollback would take it back. */
  readonly committed: boolean;
};

/** Those that exist, by the position of their content. */
export async function findRateIds(tx: Tx, contents: readonly RateContent[]): Promise<FoundRate[]> {
  return tx.$queryRaw<FoundRate[]>`
    select
      (w.place - 1)::integer as index, r.id,
      r.xmin is distinct from pg_current_xact_id_if_assigned()::xid as committed
    from unnest(
      ${pgArray(contents.map(({ priceId }) => priceId))}::bigint[],
      ${pgArray(contents.map(({ unitPrices }) => unitPrices))}::text[]
    ) with ordinality as w (price_id, unit_prices, place)
    join rates r on r.price_id = w.price_id and r.unit_prices = w.unit_prices::jsonb`;
}

/**
 * Adds those that are missing. Sorted, so that two transactions that add the same rates wait for each other in one direction only. Read
 * them with a statement of its own: this one does not see what another transaction has added meanwhile.
 */
export async function insertRates(tx: Tx, contents: readonly RateContent[]): Promise<void> {
  await tx.$executeRaw`
    insert into rates (price_id, unit_prices)
    select price_id, unit_prices::jsonb
    from unnest(
      ${pgArray(contents.map(({ priceId }) => priceId))}::bigint[],
      ${pgArray(contents.map(({ unitPrices }) => unitPrices))}::text[]
    ) as t (price_id, unit_prices)
    order by price_id, unit_prices
    on conflict do nothing`;
}

type RateRow = {
  readonly id: bigint;
  readonly priceId: bigint;
  readonly unitPrices: UnitPricesJson;
  readonly committed: boolean;
};

export async function findRates(tx: Tx, ids: readonly bigint[]): Promise<RateRow[]> {
  return tx.$queryRaw<RateRow[]>`
    select
      id, price_id as "priceId", unit_prices as "unitPrices",
      xmin is distinct from pg_current_xact_id_if_assigned()::xid as committed
    from rates
    where id = any(${pgArray(ids)}::bigint[])`;
}
