/** Every customer of a month on one list. */
import type { Tx } from '../platform/database.js';
import { Prisma } from '../platform/prisma/client.js';

/** What the list may be sorted by, as its column. */
export const OVERVIEW_SORTS = {
  entity: 'entity',
  plan: 'plan',
  month_to_date_usd: 'month',
  previous_month_usd: 'previous',
  monthly_cap_share: 'share',
  credits_usd: 'credits',
} as const;
export type OverviewSort = keyof typeof OVERVIEW_SORTS;

export type OverviewQuery = {
  /** Null lists all. */
  readonly only: string | null;
  readonly search: string | null;
  readonly period: string;
  readonly previous: string;
  readonly at: Date;
  readonly sort: OverviewSort;
  readonly isDescending: boolean;
  /** The last entity of the page before. */
  readonly after: string | null;
  readonly limit: number;
};

export type OverviewRow = {
  readonly entity: string;
  readonly plan: string;
  readonly monthPicos: bigint;
  readonly previousPicos: bigint;
  readonly capPicos: bigint | null;
  readonly creditsPicos: bigint;
  /** When the first of these credits expire. */
  readonly creditsUntil: Date | null;
};

type Raw = {
  entity: string;
  plan: string;
  month: string;
  previous: string;
  cap: string | null;
  credits: string;
  until: Date | null;
};

/** Equal values are in the order of the names, so that a page goes on exactly where the one before ended. Takes no locks. */
export async function findOverview(tx: Tx, of: OverviewQuery): Promise<OverviewRow[]> {
  const { only, search, at } = of;
  const column = Prisma.raw(OVERVIEW_SORTS[of.sort]);
  const direction = Prisma.raw(of.isDescending ? 'desc nulls last' : 'asc nulls first');
  const rows = await tx.$queryRaw<Raw[]>`
    with customers as (
      select
        e.name as entity, e.plan, coalesce(m.cost_picos, 0) as month, coalesce(b.cost_picos, 0) as previous, cap.picos as cap,
        coalesce(m.cost_picos, 0) / nullif(cap.picos, 0) as share, coalesce(c.credits, 0) as credits, c.until
      from entities e
      join plans p on p.name = e.plan
      cross join lateral (
        select least(case when e.monthly_cap_own then e.monthly_cap_picos else p.monthly_cap_picos end, e.spend_limit_picos) as picos
      ) cap
      left join entity_spend m on m.entity = e.name and m.period = ${of.period}::text
      left join entity_spend b on b.entity = e.name and b.period = ${of.previous}::text
      left join lateral (
        select sum(g.remaining_picos) as credits, min(g.expires_at) as until
        from credit_grants g
        where g.entity = e.name and g.is_open and g.frozen_at is null
          and g.effective_at <= greatest(${at}::timestamptz, g.created_at)
          and (g.expires_at is null or g.expires_at > ${at}::timestamptz)
      ) c on true
      where (${only}::text is null or e.name = ${only}::text)
        and (${search}::text is null or strpos(lower(e.name), lower(${search}::text)) > 0)
    ), placed as (
      select *, row_number() over (order by ${column} ${direction}, entity) as place from customers
    )
    select entity, plan, month::text, previous::text, cap::text, credits::text, until
    from placed
    where ${of.after}::text is null or place > (select place from placed where entity = ${of.after}::text)
    order by place
    limit ${of.limit}::integer`;
  return rows.map((row) => ({
    entity: row.entity,
    plan: row.plan,
    monthPicos: BigInt(row.month),
    previousPicos: BigInt(row.previous),
    capPicos: row.cap === null ? null : BigInt(row.cap),
    creditsPicos: BigInt(row.credits),
    creditsUntil: row.until,
  }));
}
