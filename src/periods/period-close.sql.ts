/** Closing a period: which periods are due, and the totals that are frozen. */
import type { Period } from '../domain/period.js';
import type { Tx } from '../platform/database.js';

export type EntityPeriod = { readonly entity: string; readonly period: Period };

/**
 * A page of the next period that each entity has to close, up to `last`, earliest first. An entity's first period is the one in which it was created, or the
 * earlier one that it was first charged for.
 */
export async function findPeriodsToClose(
  tx: Tx,
  of: { last: Period; after: EntityPeriod | null; limit: number },
): Promise<EntityPeriod[]> {
  return tx.$queryRaw<EntityPeriod[]>`
    select e.name as entity, n.period
    from entities e
    cross join lateral (
      select coalesce(
        (
          select to_char(to_date(max(c.period), 'YYYY-MM') + interval '1 month', 'YYYY-MM')
          from closed_periods c where c.entity = e.name
        ),
        least(
          to_char(e.created_at at time zone 'UTC', 'YYYY-MM'),
          (select min(s.period) from entity_spend s where s.entity = e.name)
        )
      ) as period
    ) n
    where n.period <= ${of.last}::text
      and (n.period, e.name) > (${of.after?.period ?? ''}::text, ${of.after?.entity ?? ''}::text)
    order by n.period, e.name
    limit ${of.limit}::integer`;
}

/** Freezes the period's totals. Needs the account's lock, and every hour of the period posted to the ledger. */
export async function insertClosedPeriod(
  tx: Tx,
  of: { entity: string; period: Period; number: string; closedAt: Date },
): Promise<void> {
  await tx.$executeRaw`
    with moved as (
      select
        coalesce(sum(amount_picos) filter (where kind = 'purchase'), 0) as purchased,
        coalesce(sum(amount_picos) filter (where kind = 'promotion'), 0) as promoted,
        coalesce(sum(amount_picos) filter (where kind = 'burn'), 0) as burnt,
        coalesce(sum(amount_picos) filter (where kind = 'burn_reversal'), 0) as burn_reversed,
        coalesce(sum(amount_picos) filter (where kind = 'expiry'), 0) as expired,
        coalesce(sum(amount_picos) filter (where kind = 'void'), 0) as voided,
        coalesce(sum(amount_picos) filter (where kind = 'refund'), 0) as refunded,
        coalesce(sum(amount_picos) filter (where kind = 'debt_payment'), 0) as repaid,
        coalesce(sum(amount_picos) filter (where kind = 'overage'), 0) as overage,
        coalesce(sum(amount_picos) filter (where kind = 'overage_reversal'), 0) as overage_reversed
      from ledger_entries
      where entity = ${of.entity}::text and period = ${of.period}::text
    ), opened as (
      select coalesce((
        select closing_picos from closed_periods
        where entity = ${of.entity}::text and period < ${of.period}::text
        order by period desc limit 1
      ), 0) as opening
    ), charged as (
      select coalesce((
        select cost_picos from entity_spend where entity = ${of.entity}::text and period = ${of.period}::text
      ), 0) as cost
    )
    insert into closed_periods (
      entity, period, number, closed_at, opening_picos, purchased_picos, promoted_picos, burnt_picos, burn_reversed_picos,
      expired_picos, voided_picos, refunded_picos, repaid_picos, closing_picos, cost_picos, overage_picos, overage_reversed_picos
    )
    select
      ${of.entity}::text, ${of.period}::text, ${of.number}::text, ${of.closedAt}::timestamptz,
      opening, purchased, promoted, burnt, burn_reversed, expired, voided, refunded, repaid,
      opening + purchased + promoted - burnt + burn_reversed - expired - voided - refunded - repaid,
      cost, overage, overage_reversed
    from moved, opened, charged`;
}
