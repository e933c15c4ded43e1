/** An entity's activity: its days, what a reader has to know about them, and the sums that must agree. */
import type { QuantitySums } from '../domain/meters.js';
import { quantitySums, quantitySumsOf, type QuantitySumsRow } from '../periods/quantity-sums.js';
import type { Tx } from '../platform/database.js';
import { rollUpsInRange } from './roll-ups-in-range.sql.js';

export type DailyUsage = {
  /** A day in UTC: `2026-11-22`. */
  readonly day: string;
  readonly project: string;
  readonly model: string;
  readonly requests: bigint;
  readonly quantities: QuantitySums;
  readonly costPicos: bigint;
  /** The part of the cost that credits paid. */
  readonly burntPicos: bigint;
};

type Hours = { readonly entity: string; readonly start: Date; readonly end: Date };

type RawDay = QuantitySumsRow & Record<'day' | 'project' | 'model' | 'cost' | 'burnt', string>;

/** By day of occurrence, of the whole hours from `start` (inclusive) to `end` (exclusive), at most `rowsMax` rows. */
export async function sumDailyUsage(tx: Tx, of: Hours & { rowsMax: number }): Promise<DailyUsage[]> {
  const rows = await tx.$queryRaw<RawDay[]>`
    select
      to_char(at at time zone 'UTC', 'YYYY-MM-DD') as day, project, model,
      ${quantitySums}, sum(cost_picos)::text as cost,
      sum(paid_burnt_picos + promotional_burnt_picos)::text as burnt
    from (${rollUpsInRange({ entity: of.entity, range: of })}) u
    group by 1, 2, 3
    order by 1, 2, 3
    limit ${of.rowsMax}::integer`;
  return rows.map((row) => ({
    day: row.day,
    project: row.project,
    model: row.model,
    requests: BigInt(row.requests),
    quantities: quantitySumsOf(row),
    costPicos: BigInt(row.cost),
    burntPicos: BigInt(row.burnt),
  }));
}

/** Later than any usage. */
const FOREVER = new Date('2200-01-01T00:00:00Z');

/** What credits paid of usage from `since` on. A balance of the past is today's plus what was burnt since. */
export async function sumBurntSince(tx: Tx, of: { entity: string; since: Date }): Promise<bigint> {
  const [row] = await tx.$queryRaw<[{ burnt: string }]>`
    select coalesce(sum(paid_burnt_picos + promotional_burnt_picos), 0)::text as burnt
    from (${rollUpsInRange({ entity: of.entity, range: { start: of.since, end: FOREVER } })}) u`;
  return BigInt(row.burnt);
}

export type UsageMarks = {
  /** Requests of which nothing has a price. */
  readonly unpricedRequests: bigint;
  readonly conflicts: bigint;
  readonly deadLetters: bigint;
};

/** Usage that is charged to another month than the one it occurred in. */
export type LateUsage = {
  readonly occurredPeriod: string;
  readonly period: string;
  readonly requests: bigint;
  readonly costPicos: bigint;
};

/** It occurred in the hours, or is charged to the periods and occurred earlier, back to `lateSince`. By both months, oldest first. */
export async function sumLateUsage(
  tx: Tx,
  of: Hours & { lateSince: Date; firstPeriod: string; lastPeriod: string },
): Promise<LateUsage[]> {
  const rows = await tx.$queryRaw<Record<'occurred' | 'period' | 'requests' | 'cost', string>[]>`
    select
      to_char(at at time zone 'UTC', 'YYYY-MM') as occurred, period, sum(requests)::text as requests, sum(cost_picos)::text as cost
    from (${rollUpsInRange({ entity: of.entity, range: { start: of.lateSince, end: of.end } })}) u
    where period <> to_char(at at time zone 'UTC', 'YYYY-MM')
      and (at >= ${of.start}::timestamptz or period between ${of.firstPeriod}::text and ${of.lastPeriod}::text)
    group by 1, 2
    order by 1, 2`;
  return rows.map((row) => ({
    occurredPeriod: row.occurred,
    period: row.period,
    requests: BigInt(row.requests),
    costPicos: BigInt(row.cost),
  }));
}

/** Conflicts are the unreviewed ones, by the time of the event that was counted. Dead letters are all open ones. */
export async function findUsageMarks(tx: Tx, of: Hours): Promise<UsageMarks> {
  const [row] = await tx.$queryRaw<[Record<string, string>]>`
    select
      coalesce(sum(requests) filter (where rate_id = 0), 0)::text as unpriced,
      (
        select count(*) from usage_conflicts
        where entity = ${of.entity}::text and reviewed_at is null
          and original_occurred_at >= ${of.start}::timestamptz and original_occurred_at < ${of.end}::timestamptz
      )::text as conflicts,
      (select count(*) from dead_letters where entity = ${of.entity}::text and status = 'open')::text as dead_letters
    from (${rollUpsInRange({ entity: of.entity, range: of })}) u`;
  return {
    unpricedRequests: BigInt(row['unpriced']!),
    conflicts: BigInt(row['conflicts']!),
    deadLetters: BigInt(row['dead_letters']!),
  };
}

export type PeriodSums = {
  readonly period: string;
  readonly rolledUpPicos: bigint;
  readonly rolledUpBurntPicos: bigint;
  readonly projectsPicos: bigint;
  readonly chargedPicos: bigint;
  readonly burntPicos: bigint;
  readonly overagePicos: bigint;
};

/**
 * Each period's charge as the roll-ups, the projects and the account have it. `start` and `end` bound the hours of the roll-ups, and
 * begin before the periods: late usage is charged to a later period than it occurred in.
 */
export async function findPeriodSums(
  tx: Tx,
  of: Hours & { firstPeriod: string; lastPeriod: string },
): Promise<PeriodSums[]> {
  const rows = await tx.$queryRaw<Record<string, string>[]>`
    with rolled as (
      select period, sum(cost_picos) as cost, sum(paid_burnt_picos + promotional_burnt_picos) as burnt
      from (${rollUpsInRange({ entity: of.entity, range: of })}) u
      where period >= ${of.firstPeriod}::text and period <= ${of.lastPeriod}::text
      group by period
    ), by_project as (
      select period, sum(cost_picos) as cost
      from project_spend
      where entity = ${of.entity}::text and period >= ${of.firstPeriod}::text and period <= ${of.lastPeriod}::text
      group by period
    ), charged as (
      select period, cost_picos, burnt_picos, overage_picos
      from entity_spend
      where entity = ${of.entity}::text and period >= ${of.firstPeriod}::text and period <= ${of.lastPeriod}::text
    )
    select
      period, coalesce(r.cost, 0)::text as rolled, coalesce(r.burnt, 0)::text as rolled_burnt,
      coalesce(p.cost, 0)::text as projects, coalesce(c.cost_picos, 0)::text as charged,
      coalesce(c.burnt_picos, 0)::text as burnt, coalesce(c.overage_picos, 0)::text as overage
    from rolled r full join by_project p using (period) full join charged c using (period)
    order by period`;
  return rows.map((row) => ({
    period: row['period']!,
    rolledUpPicos: BigInt(row['rolled']!),
    rolledUpBurntPicos: BigInt(row['rolled_burnt']!),
    projectsPicos: BigInt(row['projects']!),
    chargedPicos: BigInt(row['charged']!),
    burntPicos: BigInt(row['burnt']!),
    overagePicos: BigInt(row['overage']!),
  }));
}
