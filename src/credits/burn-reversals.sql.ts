/** What corrections give back, kept by hour of booking like burns, so that many corrections make few ledger entries. */
import { arrayLiteral } from '../platform/array-literal.js';
import { RestartTransaction, type Tx } from '../platform/database.js';

export type ReversalSum = {
  readonly entity: string;
  readonly period: string;
  /** Null takes back overage. */
  readonly grantId: string | null;
  /** Names the burn that is taken back. */
  readonly correctedHour: Date;
  readonly correctedPeriod: string;
  amountPicos: bigint;
};

/**
 * Gives burns back to their grants and adds them to the open hour of booking. When that hour was posted between the start
 * of the transaction and the account lock, the transaction starts again, with a later booking time.
 */
export async function addReversals(tx: Tx, rows: readonly ReversalSum[], bookedHour: Date): Promise<void> {
  const added = await tx.$executeRaw`
    with returned as (
      select * from unnest(
        ${arrayLiteral(rows.map((r) => r.entity))}::text[],
        ${arrayLiteral(rows.map((r) => r.period))}::text[],
        ${arrayLiteral(rows.map((r) => r.grantId))}::text[],
        ${arrayLiteral(rows.map((r) => r.correctedHour))}::timestamptz[],
        ${arrayLiteral(rows.map((r) => r.correctedPeriod))}::text[],
        ${arrayLiteral(rows.map((r) => r.amountPicos))}::numeric[]
      ) as t (entity, period, grant_id, corrected_hour, corrected_period, amount_picos)
    ), refilled as (
      update credit_grants g set
        remaining_picos = g.remaining_picos + r.amount_picos,
        burnt_picos = g.burnt_picos - r.amount_picos
      from (select grant_id, sum(amount_picos) as amount_picos from returned where grant_id is not null group by grant_id) r
      where g.id = r.grant_id
    )
    insert into burn_reversals as o (
      entity, booked_hour, period, grant_id, corrected_hour, corrected_period, amount_picos
    )
    select entity, ${bookedHour}::timestamptz, period, grant_id, corrected_hour, corrected_period, amount_picos
    from returned order by entity, period, grant_id, corrected_hour, corrected_period
    on conflict (entity, booked_hour, period, grant_id, corrected_hour, corrected_period)
    do update set amount_picos = o.amount_picos + excluded.amount_picos
    where not o.posted`;
  if (added !== rows.length) throw new RestartTransaction('the booked hour is posted');
}

/**
 * Posts what was given back in closed hours of a locked entity; each entry names the burn that it corrects. Run it after the
 * burns of those hours are posted: an hour's burns can be given back in the same hour.
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
