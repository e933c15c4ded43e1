/**
 * Burns and their reversals, summed by hour of booking, so that many of them make few ledger entries. An hour accepts more until it is
 * posted.
 */
import type { BurnReversal, BurnSum } from '../domain/burn-order.js';
import { pgArray } from '../platform/pg-array.js';
import { Restart, type Tx } from '../platform/database.js';

/**
 * Takes burns from their grants and adds them to the hour of booking. Returns a Restart if that hour was posted while the transaction
 * waited for the entity's lock: the next attempt has a later booking time.
 */
export async function addBurns(tx: Tx, rows: readonly BurnSum[], bookedHour: Date): Promise<Restart | null> {
  const [row] = await tx.$queryRaw<[{ added: boolean }]>`
    select add_burns(
      ${bookedHour}::timestamptz,
      ${pgArray(rows.map((r) => r.entity))}::text[],
      ${pgArray(rows.map((r) => r.period))}::text[],
      ${pgArray(rows.map((r) => r.grantId))}::text[],
      ${pgArray(rows.map((r) => r.amountPicos))}::numeric[]
    ) as added`;
  return row.added ? null : new Restart('the booked hour is posted');
}

/** Gives burns back to their grants and adds the reversals to the hour of booking. It returns a Restart as `addBurns` does. */
export async function addReversals(
  tx: Tx,
  rows: readonly BurnReversal[],
  bookedHour: Date,
): Promise<Restart | null> {
  const added = await tx.$executeRaw`
    with returned as (
      select * from unnest(
        ${pgArray(rows.map((r) => r.entity))}::text[],
        ${pgArray(rows.map((r) => r.period))}::text[],
        ${pgArray(rows.map((r) => r.grantId))}::text[],
        ${pgArray(rows.map((r) => r.correctedHour))}::timestamptz[],
        ${pgArray(rows.map((r) => r.correctedPeriod))}::text[],
        ${pgArray(rows.map((r) => r.amountPicos))}::numeric[]
      ) as t (entity, period, grant_id, corrected_hour, corrected_period, amount_picos)
    ), refilled as (
      update credit_grants g set
        remaining_picos = g.remaining_picos + r.amount_picos,
        burnt_picos = g.burnt_picos - r.amount_picos
      from (
        select entity, grant_id, sum(amount_picos) as amount_picos
        from returned where grant_id is not null
        group by entity, grant_id
      ) r
      where g.entity = r.entity and g.id = r.grant_id
    )
    insert into burn_reversals as o (
      entity, booked_hour, period, grant_id, corrected_hour, corrected_period, amount_picos
    )
    select entity, ${bookedHour}::timestamptz, period, grant_id, corrected_hour, corrected_period, amount_picos
    from returned order by entity, period, grant_id, corrected_hour, corrected_period
    on conflict (entity, booked_hour, period, grant_id, corrected_hour, corrected_period)
    do update set amount_picos = o.amount_picos + excluded.amount_picos
    where not o.posted`;
  return added === rows.length ? null : new Restart('the booked hour is posted');
}

/**
 * A page of the entities with burns or reversals in closed hours that are not posted yet, by name. An hour closes when Postgres' clock
 * leaves it.
 */
export async function findEntitiesToPost(
  tx: Tx,
  of: { openHour: Date; after: string | null; limit: number },
): Promise<{ entity: string }[]> {
  return tx.$queryRaw<{ entity: string }[]>`
    select entity from burns
    where not posted and booked_hour < ${of.openHour}::timestamptz and entity > coalesce(${of.after}::text, '')
    union
    select entity from burn_reversals
    where not posted and booked_hour < ${of.openHour}::timestamptz and entity > coalesce(${of.after}::text, '')
    order by entity
    limit ${of.limit}::integer`;
}

/** Posts a locked entity's burns of closed hours: one entry for each hour, period and grant (or overage). Returns the number of entries. */
export async function postBurns(
  tx: Tx,
  args: { entity: string; openHour: Date; bookedAt: Date },
): Promise<number> {
  return tx.$executeRaw`
    with closed as (
      update burns set posted = true
      where entity = ${args.entity}::text and not posted and booked_hour < ${args.openHour}::timestamptz
      returning entity, booked_hour, period, grant_id, amount_picos
    )
    insert into ledger_entries (
      entity, kind, debit_account, credit_account, amount_picos, grant_id, period, booked_hour, booked_at
    )
    select
      entity,
      case when grant_id is null then 'overage' else 'burn' end,
      case when grant_id is null then 'receivable' else 'credits:' || grant_id end,
      'revenue',
      amount_picos, grant_id, period, booked_hour, ${args.bookedAt}::timestamptz
    from closed
    order by booked_hour, period, grant_id`;
}

/**
 * Posts a locked entity's reversals of closed hours; each entry names the burn that it corrects. Those burns must be posted first: a
 * burn can be reversed in its own hour.
 */
export async function postReversals(
  tx: Tx,
  args: { entity: string; openHour: Date; bookedAt: Date },
): Promise<number> {
  return tx.$executeRaw`
    with closed as (
      update burn_reversals set posted = true
      where entity = ${args.entity}::text and not posted and booked_hour < ${args.openHour}::timestamptz
      returning entity, booked_hour, period, grant_id, corrected_hour, corrected_period, amount_picos
    )
    insert into ledger_entries (
      entity, kind, debit_account, credit_account, amount_picos, grant_id, period, booked_hour, corrects, booked_at
    )
    select
      entity,
      case when grant_id is null then 'overage_reversal' else 'burn_reversal' end,
      'revenue',
      case when grant_id is null then 'receivable' else 'credits:' || grant_id end,
      amount_picos, grant_id, period, booked_hour,
      (
        select l.id from ledger_entries l
        where l.entity = closed.entity and l.booked_hour = closed.corrected_hour and l.period = closed.corrected_period
          and l.grant_id is not distinct from closed.grant_id and l.corrects is null
      ),
      ${args.bookedAt}::timestamptz
    from closed
    order by booked_hour, period, grant_id, corrected_hour, corrected_period`;
}
