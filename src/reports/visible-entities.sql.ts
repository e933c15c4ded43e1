/** Every customer of a month on one list. */
import type { Range } from '../domain/buckets.js';
import { PACE_DAYS } from '../domain/pace.js';
import type { QuotaMode } from '../domain/quota-limits.js';
import type { Tx } from '../platform/database.js';
import { Prisma } from '../platform/prisma/client.js';
import { LASTING_DAYS_MAX } from './credits-until.js';
import { costsInRange } from './roll-ups-in-range.sql.js';

/** What Postgres sorts the list by, as its column. `ranked-entities.ts` sorts by what Redis knows, and by forecasts. */
export const VISIBLE_SORTS = {
  entity: 'entity',
  plan: 'plan',
  month_to_date_usd: 'month',
  previous_month_usd: 'previous',
  previous_same_days_usd: 'same_days',
  change_usd: 'change',
  monthly_cap_share: 'share',
  credits_usd: 'credits',
  credits_until: 'lasts',
} as const;
export type VisibleSort = keyof typeof VISIBLE_SORTS;

/** By the limits in force now, in the order in which a decision looks at them. */
export const VISIBLE_STATES = ['cap_reached', 'out_of_credits', 'overage', 'within_limits'] as const;
export type VisibleState = (typeof VISIBLE_STATES)[number];

export type VisibleQuery = {
  /** Null lists all. One that nobody has created has the default plan, and nothing else. */
  readonly only: string | null;
  readonly search: string | null;
  readonly plan: string | null;
  readonly state: VisibleState | null;
  readonly period: string;
  readonly previous: string;
  /** The hours of the month before that are later in it than now is in the period. */
  readonly later: Range;
  /** The current month, its end, and its year. */
  readonly now: { readonly at: Date; readonly period: string; readonly ends: Date; readonly year: string };
  /** The hours of which the spend is the pace. */
  readonly pace: Range;
  readonly defaultPlan: string;
  readonly sort: VisibleSort;
  readonly isDescending: boolean;
  /** The last entity of the page before. */
  readonly after: string | null;
  readonly limit: number;
};

export type VisibleRow = {
  readonly entity: string;
  readonly plan: string;
  readonly state: VisibleState;
  readonly monthPicos: bigint;
  readonly previousPicos: bigint;
  readonly sameDaysPicos: bigint;
  /** Of the current month and year. */
  readonly spentPicos: bigint;
  readonly yearPicos: bigint;
  readonly monthlyCapPicos: bigint | null;
  readonly yearlyCapPicos: bigint | null;
  readonly overage: 'blocked' | 'allowed';
  readonly quotaMode: QuotaMode;
  readonly creditsPicos: bigint;
  /** When the first of these credits expire. */
  readonly expiresAt: Date | null;
  /** The spend of the hours of the pace. */
  readonly pacePicos: bigint;
};

export type VisibleTotals = {
  readonly entityCount: number;
  readonly monthPicos: bigint;
  readonly previousPicos: bigint;
  readonly creditsPicos: bigint;
  readonly counts: Readonly<Partial<Record<VisibleState, number>>>;
};

export type VisibleFound = {
  readonly rows: VisibleRow[];
  readonly totals: VisibleTotals;
  /** False where `after` is none of the list's, whatever its plan and state are by now. */
  readonly hasAfter: boolean;
};

type RawRow = Record<
  'entity' | 'plan' | 'month' | 'previous' | 'same_days' | 'spent' | 'year' | 'credits' | 'pace',
  string
> &
  Record<'monthly_cap' | 'yearly_cap', string | null> & {
    state: VisibleState;
    overage: 'blocked' | 'allowed';
    mode: QuotaMode;
    until: Date | null;
  };

type RawTotals = Record<'entities' | 'all_month' | 'all_previous' | 'all_credits', string> & {
  states: Partial<Record<VisibleState, number>>;
  has_after: boolean;
};

/** Makes a quotient an integer that tells any two of them apart: amounts have at most 20 digits. */
const SCALE = Prisma.raw(`1${'0'.repeat(40)}::numeric`);

/** Names, plans and own limits. */
const entitiesOf = ({ only, defaultPlan }: VisibleQuery) => Prisma.sql`
  select name, plan, monthly_cap_own, monthly_cap_picos, yearly_cap_own, yearly_cap_picos, spend_limit_picos, overage, quota_mode
  from entities where ${only}::text is null or name = ${only}::text
  union all
  select ${only}::text, ${defaultPlan}::text, false, null, false, null, null, null, 'enforce'
  where ${only}::text is not null and not exists (select from entities where name = ${only}::text)`;

/** What can be spent now; an allowance that is due and not granted yet counts, less what it pays of debts first. */
const creditsOf = ({ now }: VisibleQuery) => Prisma.sql`
  select
    coalesce(g.credits, 0) + d.due as credits,
    case when d.due > 0 then least(g.until, ${now.ends}::timestamptz) else g.until end as until
  from (
    select case
      when p.monthly_credit_picos > 0 and not exists (
        select from credit_grants a where a.entity = e.name and a.allowance_period = ${now.period}::text
      ) then greatest(p.monthly_credit_picos - coalesce((
        select sum(o.amount_picos - o.paid_picos) from debts o where o.entity = e.name and o.is_open
      ), 0), 0)
      else 0
    end as due
  ) d
  cross join (
    select sum(g.remaining_picos) as credits, min(g.expires_at) as until
    from credit_grants g
    where g.entity = e.name and g.is_open and g.frozen_at is null
      and g.effective_at <= greatest(${now.at}::timestamptz, g.created_at)
      and (g.expires_at is null or g.expires_at > ${now.at}::timestamptz)
  ) g`;

/** All customers that the filter admits, and the last one of the page before, by indexes that have a row or two for each. */
const customersOf = (of: VisibleQuery) => Prisma.sql`
  select * from (
    select
      x.*, (${of.plan}::text is null or plan = ${of.plan}::text) and (${of.state}::text is null or state = ${of.state}::text) as is_wanted
    from (
    select
      e.name as entity, e.plan, coalesce(m.cost_picos, 0) as month, coalesce(b.cost_picos, 0) as previous,
      coalesce(n.cost_picos, 0) as spent, y.spent as year, x.monthly_cap, x.yearly_cap, x.overage, e.quota_mode as mode,
      div(coalesce(m.cost_picos, 0) * ${SCALE}, nullif(x.monthly_cap, 0)) as share, c.credits, c.until,
      case
        when coalesce(n.cost_picos, 0) >= x.monthly_cap or y.spent >= x.yearly_cap then 'cap_reached'
        when c.credits > 0 then 'within_limits'
        when x.overage = 'blocked' then 'out_of_credits'
        when coalesce(n.overage_picos, 0) > 0 then 'overage'
        else 'within_limits'
      end as state
    from (${entitiesOf(of)}) e
    join plans p on p.name = e.plan
    cross join lateral (
      select
        least(case when e.monthly_cap_own then e.monthly_cap_picos else p.monthly_cap_picos end, e.spend_limit_picos) as monthly_cap,
        case when e.yearly_cap_own then e.yearly_cap_picos else p.yearly_cap_picos end as yearly_cap,
        coalesce(e.overage, p.overage) as overage
    ) x
    left join entity_spend m on m.entity = e.name and m.period = ${of.period}::text
    left join entity_spend b on b.entity = e.name and b.period = ${of.previous}::text
    left join entity_spend n on n.entity = e.name and n.period = ${of.now.period}::text
    cross join lateral (
      select coalesce(sum(s.cost_picos), 0) as spent from entity_spend s
      where s.entity = e.name and s.period >= ${`${of.now.year}-01`}::text and s.period <= ${`${of.now.year}-12`}::text
    ) y
    cross join lateral (${creditsOf(of)}) c
    where (${of.search}::text is null or strpos(lower(e.name), lower(${of.search}::text)) > 0)
    ) x
  ) all_customers
  where is_wanted or entity = ${of.after}::text`;

/** Of the rows of `c`: what the month before had been charged by the same hour of it, from what it was charged in the hours after. */
const sameDaysOf = ({ later, previous }: VisibleQuery) => Prisma.sql`
  select c.previous - coalesce(sum(u.cost_picos), 0) as same_days
  from (${spendIn(later)}) u where u.period = ${previous}::text`;

/**
 * Of the rows of `c`: the spend of the hours of the pace, by when usage occurred; and how many hours the credits last, scaled. Who spent
 * some and is refused for lack of them has run out (`hasRunOut`).
 */
const paceOf = ({ pace }: VisibleQuery) => Prisma.sql`
  select p.pace, case
      when c.state = 'out_of_credits' and c.mode = 'enforce' and p.pace > 0 then 0
      when c.credits > 0 and c.credits * ${PACE_DAYS} <= p.pace * ${LASTING_DAYS_MAX}
        then div(c.credits * ${SCALE}, nullif(p.pace, 0))
    end as lasts
  from (select coalesce(sum(u.cost_picos), 0) as pace from (${spendIn(pace)}) u) p`;

function spendIn(range: Range): Prisma.Sql {
  return range.start < range.end
    ? costsInRange({ entity: Prisma.sql`c.entity`, range })
    : Prisma.sql`select null::text as period, 0::numeric as cost_picos where false`;
}

/**
 * A page, and the totals of all. Equal values are in the order of the names, and what has no value comes last, so a page goes on exactly
 * where the one before ended. What takes more than a look into an index is found for the page alone, unless the order is by it. Takes no
 * locks.
 */
export async function findVisible(tx: Tx, of: VisibleQuery): Promise<VisibleFound> {
  const column = Prisma.raw(VISIBLE_SORTS[of.sort]);
  const direction = Prisma.raw(of.isDescending ? 'desc' : 'asc');
  const isBy = (...sorts: VisibleSort[]) => sorts.includes(of.sort);
  const none = Prisma.sql`select null::numeric as nothing`;
  const isBySameDays = isBy('previous_same_days_usd', 'change_usd');
  const isByPace = isBy('credits_until');
  const raw = await tx.$queryRaw<(RawTotals & Partial<RawRow>)[]>`
    with customers as materialized (${customersOf(of)}), placed as materialized (
      select *, row_number() over (order by ${column} ${direction} nulls last, entity) as place
      from (
        select c.*, ${isBySameDays ? Prisma.sql`s.*, c.month - s.same_days as change` : Prisma.sql`s.nothing as change`},
          ${isByPace ? Prisma.sql`w.*` : Prisma.sql`w.nothing as lasts`}
        from customers c
        cross join lateral (${isBySameDays ? sameDaysOf(of) : none}) s
        cross join lateral (${isByPace ? paceOf(of) : none}) w
      ) valued
    ), page as materialized (
      select * from placed
      where is_wanted
        and (${of.after}::text is null or place > (select place from placed where entity = ${of.after}::text))
      order by place
      limit ${of.limit}::integer
    ), totals as (
      select
        count(*)::text as entities, coalesce(sum(month), 0)::text as all_month, coalesce(sum(previous), 0)::text as all_previous,
        coalesce(sum(credits), 0)::text as all_credits,
        (
          select coalesce(jsonb_object_agg(s.state, s.count), '{}')
          from (select state, count(*) as count from customers where is_wanted group by state) s
        ) as states,
        ${of.after}::text is null or exists (select from customers where entity = ${of.after}::text) as has_after
      from customers
      where is_wanted
    )
    select
      t.*, c.entity, c.plan, c.state, c.overage, c.mode, c.month::text, c.previous::text, s.same_days::text, c.spent::text, c.year::text,
      c.monthly_cap::text, c.yearly_cap::text, c.credits::text, c.until, w.pace::text
    from totals t
    left join page c on true
    left join lateral (${sameDaysOf(of)}) s on true
    left join lateral (${paceOf(of)}) w on true
    order by c.place`;
  const isRow = (row: RawTotals & Partial<RawRow>): row is RawTotals & RawRow => row.entity !== null;
  return { rows: raw.filter(isRow).map(toRow), totals: toTotals(raw[0]!), hasAfter: raw[0]!.has_after };
}

function toRow(row: RawRow): VisibleRow {
  return {
    entity: row.entity,
    plan: row.plan,
    state: row.state,
    monthPicos: BigInt(row.month),
    previousPicos: BigInt(row.previous),
    sameDaysPicos: BigInt(row.same_days),
    spentPicos: BigInt(row.spent),
    yearPicos: BigInt(row.year),
    monthlyCapPicos: row.monthly_cap === null ? null : BigInt(row.monthly_cap),
    yearlyCapPicos: row.yearly_cap === null ? null : BigInt(row.yearly_cap),
    overage: row.overage,
    quotaMode: row.mode,
    creditsPicos: BigInt(row.credits),
    expiresAt: row.until,
    pacePicos: BigInt(row.pace),
  };
}

function toTotals(row: RawTotals): VisibleTotals {
  return {
    entityCount: Number(row.entities),
    monthPicos: BigInt(row.all_month),
    previousPicos: BigInt(row.all_previous),
    creditsPicos: BigInt(row.all_credits),
    counts: row.states,
  };
}
