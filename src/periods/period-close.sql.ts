/** Closed periods: one frozen row for each entity and period, numbered without gaps. */
import type { Period } from '../domain/period.js';
import type { Tx } from '../platform/database.js';

export type ClosedPeriodRow = {
  readonly entity: string;
  readonly period: Period;
  readonly number: bigint;
  readonly closedAt: Date;
  /** Credits at the start and at the end: all that belongs to earlier periods, and that with this one. */
  readonly openingPicos: bigint;
  readonly closingPicos: bigint;
  readonly purchasedPicos: bigint;
  readonly promotedPicos: bigint;
  readonly burntPicos: bigint;
  readonly burnReversedPicos: bigint;
  readonly expiredPicos: bigint;
  readonly voidedPicos: bigint;
  /** What the usage cost, corrections included. */
  readonly costPicos: bigint;
  readonly overagePicos: bigint;
  readonly overageReversedPicos: bigint;
  /** Overage less what was taken back of it; below zero where corrections took back more. */
  readonly overageDuePicos: bigint;
};

type PicosField = Extract<keyof ClosedPeriodRow, `${string}Picos`>;
type Row = Omit<ClosedPeriodRow, PicosField> & Record<PicosField, string>;

/**
 * The next period that each entity has to close, where it is `last` or an earlier one. An entity's first is the one in
 * which it was made, or the earlier one that it was charged in.
 */
export async function findPeriodsToClose(
  tx: Tx,
  of: { last: Period; limit: number },
): Promise<{ entity: string; period: Period }[]> {
  return tx.$queryRaw<{ entity: string; period: Period }[]>`
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
    order by n.period, e.name
    limit ${of.limit}::integer`;
}

/** True where the entity has closed the period or a later one. Ask under its lock. */
export async function isClosed(tx: Tx, of: { entity: string; period: Period }): Promise<boolean> {
  const [row] = await tx.$queryRaw<[{ closed: boolean }]>`
    select exists (
      select from closed_periods where entity = ${of.entity}::text and period >= ${of.period}::text
    ) as closed`;
  return row.closed;
}

/** The next number of the series. Its row stays locked to the end of the transaction, so one that rolls back leaves no gap. */
export async function takeStatementNumber(tx: Tx): Promise<bigint> {
  const [row] = await tx.$queryRaw<[{ last_number: bigint }]>`
    update statement_series set last_number = last_number + 1
    where name = 'statement'
    returning last_number`;
  return row.last_number;
}

/** Freezes the period's totals of a locked entity whose hours of the period are all posted. */
export async function insertClosedPeriod(
  tx: Tx,
  of: { entity: string; period: Period; number: bigint; closedAt: Date },
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
      expired_picos, voided_picos, closing_picos, cost_picos, overage_picos, overage_reversed_picos
    )
    select
      ${of.entity}::text, ${of.period}::text, ${String(of.number)}::bigint, ${of.closedAt}::timestamptz,
      opening, purchased, promoted, burnt, burn_reversed, expired, voided,
      opening + purchased + promoted - burnt + burn_reversed - expired - voided,
      cost, overage, overage_reversed
    from moved, opened, charged`;
}

/** The frozen head of a statement, or null while the period is open. */
export async function findClosedPeriod(
  tx: Tx,
  of: { entity: string; period: Period },
): Promise<ClosedPeriodRow | null> {
  const rows = await tx.$queryRaw<Row[]>`
    select
      entity, period, number, closed_at as "closedAt",
      opening_picos::text as "openingPicos", closing_picos::text as "closingPicos",
      purchased_picos::text as "purchasedPicos", promoted_picos::text as "promotedPicos",
      burnt_picos::text as "burntPicos", burn_reversed_picos::text as "burnReversedPicos",
      expired_picos::text as "expiredPicos", voided_picos::text as "voidedPicos", cost_picos::text as "costPicos",
      overage_picos::text as "overagePicos", overage_reversed_picos::text as "overageReversedPicos",
      (overage_picos - overage_reversed_picos)::text as "overageDuePicos"
    from closed_periods
    where entity = ${of.entity}::text and period = ${of.period}::text`;
  return rows[0] === undefined ? null : toClosedPeriod(rows[0]);
}

function toClosedPeriod(row: Row): ClosedPeriodRow {
  return {
    ...row,
    openingPicos: BigInt(row.openingPicos),
    closingPicos: BigInt(row.closingPicos),
    purchasedPicos: BigInt(row.purchasedPicos),
    promotedPicos: BigInt(row.promotedPicos),
    burntPicos: BigInt(row.burntPicos),
    burnReversedPicos: BigInt(row.burnReversedPicos),
    expiredPicos: BigInt(row.expiredPicos),
    voidedPicos: BigInt(row.voidedPicos),
    costPicos: BigInt(row.costPicos),
    overagePicos: BigInt(row.overagePicos),
    overageReversedPicos: BigInt(row.overageReversedPicos),
    overageDuePicos: BigInt(row.overageDuePicos),
  };
}
