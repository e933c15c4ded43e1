/** Price versions in the database. They are added, each with its base rate, and never changed. */
import { unitPricesJson } from '../domain/meter-charges.js';
import { chargeableMeters, unitPricesUnder } from '../domain/price.js';
import { comparisonOf, type Order } from '../http/list-order.js';
import { pgArray } from '../platform/pg-array.js';
import { Prisma } from '../platform/prisma/client.js';
import type { Tx } from '../platform/database.js';
import type { PriceRow, StoredPrice } from './price-row.js';

const COLUMNS = Prisma.sql`
  p.id, p.model, p.entity, p.effective_from as "effectiveFrom", p.terms, p.first_for_meters_from as "firstForMetersFrom",
  p.max_input_tokens as "maxInputTokens", p.max_output_tokens as "maxOutputTokens", p.source, p.created_at as "createdAt"`;

const NEWEST_FIRST = Prisma.sql`order by p.model, p.effective_from desc, p.id desc`;

/** Of the models' versions, by model and then newest first. */
export async function findVersionIds(tx: Tx, models: readonly string[]): Promise<bigint[]> {
  const rows = await tx.$queryRaw<{ id: bigint }[]>`
    select p.id from prices p where p.model = any(${pgArray(models)}::text[]) ${NEWEST_FIRST}`;
  return rows.map(({ id }) => id);
}

/** The list price that is in force of each of the models that have one. */
export async function findListPriceIds(
  tx: Tx,
  { models, at }: { models: readonly string[]; at: Date },
): Promise<bigint[]> {
  const rows = await tx.$queryRaw<{ id: bigint }[]>`
    select distinct on (p.model) p.id
    from prices p
    where p.model = any(${pgArray(models)}::text[]) and p.entity is null and p.effective_from <= ${at}::timestamptz
    order by p.model, p.effective_from desc`;
  return rows.map(({ id }) => id);
}

export async function findVersions(tx: Tx, ids: readonly bigint[]): Promise<StoredPrice[]> {
  return tx.$queryRaw<
    StoredPrice[]
  >`select ${COLUMNS} from prices p where p.id = any(${pgArray(ids)}::bigint[])`;
}

/** A page of those that were added after `id`, in the order in which they were added. */
export async function findVersionsAfter(
  tx: Tx,
  { id, limit }: { id: bigint; limit: number },
): Promise<StoredPrice[]> {
  return tx.$queryRaw<StoredPrice[]>`
    select ${COLUMNS} from prices p where p.id > ${id}::bigint order by p.id limit ${limit}::integer`;
}

export type VersionFilter = {
  readonly model: string | null;
  /** Its own and the list prices; null is all. */
  readonly entity: string | null;
  readonly source: string | null;
  /** Those that are in force then, of each model and entity; null is all. */
  readonly at: Date | null;
  readonly order: Order;
  /** The last version of the page before. */
  readonly after: bigint | null;
  /** Null is all. */
  readonly limit: number | null;
};

/** By model and then newest first, or the other way round. */
export async function listVersions(tx: Tx, of: VersionFilter): Promise<StoredPrice[]> {
  const back = of.order === 'asc' ? 'desc' : 'asc';
  const [direction, comparison] = [Prisma.raw(of.order), Prisma.raw(comparisonOf(of.order))];
  const [within, older] = [Prisma.raw(back), Prisma.raw(comparisonOf(back))];
  return tx.$queryRaw<StoredPrice[]>`
    select ${COLUMNS}
    from prices p
    left join prices a on a.id = ${of.after}::bigint
    where (${of.model}::text is null or p.model = ${of.model}::text)
      and (${of.entity}::text is null or p.entity is null or p.entity = ${of.entity}::text)
      and (${of.source}::text is null or p.source = ${of.source}::text)
      and (${of.at}::timestamptz is null or p.id = (
        select n.id from prices n
        where n.model = p.model and n.entity is not distinct from p.entity and n.effective_from <= ${of.at}::timestamptz
        order by n.effective_from desc limit 1
      ))
      and (a.id is null or p.model ${comparison} a.model
        or (p.model = a.model and (p.effective_from, p.id) ${older} (a.effective_from, a.id)))
    order by p.model ${direction}, p.effective_from ${within}, p.id ${within}
    limit ${of.limit}::bigint`;
}

export type NewVersion = Omit<PriceRow, 'id'>;

/**
 * Adds versions with their base rates and returns their ids; a version that exists for the same model, entity and instant is left out.
 * Needs the lock of the price book, so that ids are in the order of the commits.
 */
export async function insertVersions(tx: Tx, versions: readonly NewVersion[]): Promise<bigint[]> {
  const column = <T>(pick: (version: NewVersion) => T): T[] => versions.map(pick);
  const rows = await tx.$queryRaw<{ id: bigint }[]>`
    with given as (
      select *
      from unnest(
        ${pgArray(column((v) => v.model))}::text[],
        ${pgArray(column((v) => v.entity))}::text[],
        ${pgArray(column((v) => v.effectiveFrom))}::timestamptz[],
        ${pgArray(column((v) => JSON.stringify(v.terms)))}::text[],
        ${pgArray(column((v) => pgArray(chargeableMeters(v))))}::text[],
        ${pgArray(column((v) => v.firstForMetersFrom))}::timestamptz[],
        ${pgArray(column((v) => v.maxInputTokens))}::integer[],
        ${pgArray(column((v) => v.maxOutputTokens))}::integer[],
        ${pgArray(column((v) => v.source))}::text[],
        ${pgArray(column((v) => v.createdAt))}::timestamptz[],
        ${pgArray(column((v) => JSON.stringify(unitPricesJson(unitPricesUnder(v, [])))))}::text[]
      ) with ordinality as t (
        model, entity, effective_from, terms, meters, first_for_meters_from, max_input_tokens, max_output_tokens,
        source, created_at, base_rate, place
      )
    ), added as (
      insert into prices (
        model, entity, effective_from, terms, meters, first_for_meters_from, max_input_tokens, max_output_tokens,
        source, created_at
      )
      select
        model, entity, effective_from, terms::jsonb, meters::text[], first_for_meters_from, max_input_tokens,
        max_output_tokens, source, created_at
      from given
      order by place
      on conflict do nothing
      returning id, model, entity, effective_from
    ), rated as (
      insert into rates (price_id, unit_prices)
      select a.id, g.base_rate::jsonb
      from added a
      join given g on g.model = a.model and g.entity is not distinct from a.entity and g.effective_from = a.effective_from
    )
    select id from added order by id`;
  return rows.map(({ id }) => id);
}
