/** The sums that a statement consists of: usage, and movements of credits, by the period in which they are booked. */
import type { GrantCategory } from '../domain/burn-order.js';
import { unitPricesFromJson, type UnitPricesJson } from '../domain/meter-charges.js';
import type { QuantitySums } from '../domain/meters.js';
import type { Period } from '../domain/period.js';
import type { UnitPrices } from '../domain/price.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';
import { Prisma } from '../platform/prisma/client.js';
import { quantitySums, quantitySumsOf, type QuantitySumsRow } from './quantity-sums.js';

export type StatementScope = { readonly entity: string; readonly period: Period };

/** A period's usage of one project and model, by tier and rate. */
export type StatementUsage = {
  readonly project: string;
  readonly model: string;
  /** The month in which it occurred: an earlier one if it came late or corrects a closed month. */
  readonly month: Period;
  readonly serviceTier: string;
  readonly rateId: bigint;
  readonly requests: bigint;
  readonly quantities: QuantitySums;
  readonly costPicos: bigint;
  /** Null while the usage has no price. */
  readonly unitPrices: UnitPrices | null;
};

type RawUsage = QuantitySumsRow &
  Record<'project' | 'model' | 'service_tier' | 'cost', string> & {
    month: Period;
    rate_id: bigint;
    unit_prices: UnitPricesJson | null;
  };

/** By month (this one first), project, model, tier and rate, at most `rowsMax` rows. */
export async function sumStatementUsage(
  tx: Tx,
  of: StatementScope & { rowsMax: number },
): Promise<StatementUsage[]> {
  const rows = await tx.$queryRaw<RawUsage[]>`
    select
      u.project, u.model, to_char(u.at at time zone 'UTC', 'YYYY-MM') as month, u.service_tier, u.rate_id,
      r.unit_prices, sum(u.cost_picos)::text as cost, ${quantitySums}
    from (${rollUpsOfPeriod(of)}) u
    left join rates r on r.id = u.rate_id
    group by u.project, u.model, month, u.service_tier, u.rate_id, r.id
    order by month desc, u.project, u.model, u.service_tier, u.rate_id
    limit ${of.rowsMax}::integer`;
  return rows.map((row) => ({
    project: row.project,
    model: row.model,
    month: row.month,
    serviceTier: row.service_tier,
    rateId: row.rate_id,
    requests: BigInt(row.requests),
    quantities: quantitySumsOf(row),
    costPicos: BigInt(row.cost),
    unitPrices: row.unit_prices === null ? null : unitPricesFromJson(row.unit_prices),
  }));
}

/**
 * What the period was charged, whenever it occurred: by day where the day is rolled up, otherwise by hour. Columns: `at`, the start of
 * the day or hour, and what a statement needs of a roll-up.
 */
function rollUpsOfPeriod({ entity, period }: StatementScope): Prisma.Sql {
  const figures = Prisma.sql`
    
    u.project, u.model, u.service_tier, u.rate_id, u.requests, u.input_tokens, u.cached_input_tokens, u.output_tokens,
    u.reasoning_tokens, u.other_quantities, u.cost_picos`;
  return Prisma.sql`
    select d.day as at, ${figures}
    from usage_daily u
    join usage_days d on d.entity = u.entity and d.day = u.day
    where u.entity = ${entity}::text and u.period = ${period}::text and d.rolled_up
    union all
    select u.hour as at, ${figures}
    from usage_days d
    join hourly_usage u on u.entity = d.entity and u.hour >= d.day and u.hour < d.day + interval '24 hours'
    where d.entity = ${entity}::text and not d.rolled_up
      and u.entity = ${entity}::text and u.period = ${period}::text`;
}

export const MOVEMENT_KINDS = [
  'purchase',
  'promotion',
  'burn',
  'expiry',
  'void',
  'refund',
  'debt_payment',
] as const;

/** Those that the ledger has one by one; burns come from their own tables. */
const POSTED_KINDS = Prisma.sql`('purchase', 'promotion', 'expiry', 'void', 'refund', 'debt_payment')`;

/** All movements of one kind of one grant. Burns are net of what corrections gave back. */
export type StatementMovement = {
  readonly kind: (typeof MOVEMENT_KINDS)[number];
  readonly grantId: string;
  readonly category: GrantCategory;
  readonly reference: string | null;
  readonly expiresAt: Date | null;
  /** Positive if the credits grow. */
  readonly changePicos: bigint;
};

/** Of every grant that moved in the period, ordered by kind and then by grant. */
export async function sumGrantMovements(tx: Tx, of: StatementScope): Promise<StatementMovement[]> {
  const rows = await tx.$queryRaw<(Omit<StatementMovement, 'changePicos'> & { change: string })[]>`
    with moved as (
      select kind, grant_id, case when kind in ('purchase', 'promotion') then amount_picos else -amount_picos end as change_picos
      from ledger_entries
      where entity = ${of.entity}::text and period = ${of.period}::text
        and kind in ${POSTED_KINDS}
      union all
      select 'burn', grant_id, -amount_picos from net_burns
      where entity = ${of.entity}::text and period = ${of.period}::text and grant_id is not null
    )
    select
      m.kind, m.grant_id as "grantId", g.category, g.reference, g.expires_at as "expiresAt",
      sum(m.change_picos)::text as change
    from moved m join credit_grants g on g.entity = ${of.entity}::text and g.id = m.grant_id
    group by m.kind, m.grant_id, g.category, g.reference, g.expires_at, g.created_at
    having sum(m.change_picos) <> 0
    order by array_position(${pgArray(MOVEMENT_KINDS.slice())}::text[], m.kind), g.created_at, m.grant_id`;
  return rows.map(({ change, ...row }) => ({ ...row, changePicos: BigInt(change) }));
}

/** The credits left from earlier periods: the last closing balance, and what the periods after it booked. */
export async function findOpeningBalance(tx: Tx, of: StatementScope): Promise<bigint> {
  const [row] = await tx.$queryRaw<[{ opening: string }]>`
    with closed as (
      select period, closing_picos from closed_periods
      where entity = ${of.entity}::text and period < ${of.period}::text
      order by period desc limit 1
    ), since as (
      select
        period, case when kind in ('purchase', 'promotion') then amount_picos else -amount_picos end as change_picos
      from ledger_entries
      where entity = ${of.entity}::text and kind in ${POSTED_KINDS}
      union all
      select period, -amount_picos from net_burns where entity = ${of.entity}::text and grant_id is not null
    )
    select (
      coalesce((select closing_picos from closed), 0)
      + coalesce((
        select sum(change_picos) from since
        where period < ${of.period}::text and period > coalesce((select period from closed), '')
      ), 0)
    )::text as opening`;
  return BigInt(row.opening);
}

/** What is owed for credits that were taken back, and what the period's purchases and refunds come to. */
export type StatementDebt = {
  readonly openingPicos: bigint;
  readonly incurredPicos: bigint;
  readonly paidPicos: bigint;
};
export type StatementPurchases = { readonly purchasedPicos: bigint; readonly refundedPicos: bigint };

/** From the ledger alone, which never changes. A refund counts in full: what was left, and what became a debt. */
export async function sumDebtAndPurchases(
  tx: Tx,
  of: StatementScope,
): Promise<{ debt: StatementDebt; purchases: StatementPurchases }> {
  const [row] = await tx.$queryRaw<
    [Record<'opening' | 'incurred' | 'paid' | 'purchased' | 'refunded', string>]
  >`
    select
      coalesce(sum(case when kind = 'debt_payment' then -amount_picos else amount_picos end) filter (
        where kind in ('void_debt', 'refund_debt', 'debt_payment') and period < ${of.period}::text
      ), 0)::text as opening,
      coalesce(sum(amount_picos) filter (
        where kind in ('void_debt', 'refund_debt') and period = ${of.period}::text
      ), 0)::text as incurred,
      coalesce(sum(amount_picos) filter (where kind = 'debt_payment' and period = ${of.period}::text), 0)::text as paid,
      coalesce(sum(amount_picos) filter (where kind = 'purchase' and period = ${of.period}::text), 0)::text as purchased,
      coalesce(sum(amount_picos) filter (
        where kind in ('refund', 'refund_debt') and period = ${of.period}::text
      ), 0)::text as refunded
    from ledger_entries
    where entity = ${of.entity}::text and period <= ${of.period}::text
      and kind in ('purchase', 'refund', 'void_debt', 'refund_debt', 'debt_payment')`;
  return {
    debt: {
      openingPicos: BigInt(row.opening),
      incurredPicos: BigInt(row.incurred),
      paidPicos: BigInt(row.paid),
    },
    purchases: { purchasedPicos: BigInt(row.purchased), refundedPicos: BigInt(row.refunded) },
  };
}
