/** Months of usage whose events may be dropped: what keeps them, and the drop itself. */
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';

export type Month = { readonly month: string; readonly from: Date; readonly to: Date };

/** Months of occurrence that have usage, oldest first, with what stays of those whose events were dropped. */
export async function findMonths(tx: Tx): Promise<MonthRow[]> {
  return tx.$queryRaw<MonthRow[]>`
    with months as (
      select replace(substr(c.relname, 14), '_', '-') as month
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = to_regclass('usage_events')
    )
    select
      m.month, d.dropped_at as "droppedAt", d.events, d.cost_picos::text as cost, encode(d.hash, 'hex') as hash
    from months m left join dropped_months d on d.month = m.month
    where d.month is not null or exists (
      select from usage_days u
      where u.day >= to_date(m.month, 'YYYY-MM')::timestamp at time zone 'UTC'
        and u.day < (to_date(m.month, 'YYYY-MM')::timestamp + interval '1 month') at time zone 'UTC'
    )
    order by m.month`;
}

/** All but the month are null where its events are there. */
export type MonthRow = {
  readonly month: string;
  readonly droppedAt: Date | null;
  readonly events: bigint | null;
  readonly cost: string | null;
  readonly hash: string | null;
};

/**
 * In words, what keeps the events of a month; empty where they may go. Dead letters count where they came while usage of the month was still
 * taken: what comes later is too old for it.
 */
export async function findWaits(
  tx: Tx,
  { from, to, takenUntil, jobs }: Month & { takenUntil: Date; jobs: readonly string[] },
): Promise<string[]> {
  const [row] = await tx.$queryRaw<[{ waits: string[] }]>`
    select array_remove(array[
      case when exists (
        select from usage_days d where not d.rolled_up and d.day >= ${from}::timestamptz and d.day < ${to}::timestamptz
      ) then 'roll_ups' end,
      case when exists (
        select from (
          select distinct u.entity, u.period from usage_daily u where u.day >= ${from}::timestamptz and u.day < ${to}::timestamptz
        ) u
        where not exists (select from closed_periods c where c.entity = u.entity and c.period = u.period)
      ) then 'statements' end,
      case when exists (
        select from usage_events e
        where e.occurred_at >= ${from}::timestamptz and e.occurred_at < ${to}::timestamptz and e.unpriced_meters is not null
      ) then 'unpriced_usage' end,
      case when exists (
        select from dead_letters l
        where l.status = 'open' and l.last_seen_at >= ${from}::timestamptz - interval '1 day'
          and l.first_seen_at < ${takenUntil}::timestamptz
      ) then 'dead_letters' end,
      case when exists (
        select from usage_conflicts c
        where c.reviewed_at is null and (
          (c.original_occurred_at >= ${from}::timestamptz and c.original_occurred_at < ${to}::timestamptz)
          or ((c.other_content ->> 'occurredAt')::timestamptz >= ${from}::timestamptz
            and (c.other_content ->> 'occurredAt')::timestamptz < ${to}::timestamptz)
        )
      ) then 'conflicts' end,
      case when exists (
        select from jobs j where j.status in ('queued', 'running') and j.kind = any(${pgArray(jobs)}::text[])
      ) then 'jobs' end
    ], null) as waits`;
  return row.waits;
}

/** Events of the month, voided ones left out. */
export async function countRequests(tx: Tx, { from, to }: Month): Promise<bigint> {
  const [row] = await tx.$queryRaw<[{ requests: bigint }]>`
    select coalesce(sum(requests), 0)::bigint as requests from usage_daily
    where day >= ${from}::timestamptz and day < ${to}::timestamptz`;
  return row.requests;
}

/** False while another process drops the month, or a day of it is rolled up. Held until the transaction ends; roll-ups of the month wait. */
export async function lockMonth(tx: Tx, { month }: Month): Promise<boolean> {
  const [row] = await tx.$queryRaw<[{ locked: boolean }]>`
    select pg_try_advisory_xact_lock(hashtextextended('drop month ' || ${month}::text, 0)) as locked`;
  return row.locked;
}

/** Writes what stays of the month. Reads all its events, and locks nothing. */
export async function recordMonth(tx: Tx, { month }: Month, at: Date): Promise<void> {
  await tx.$queryRaw`select record_usage_month(${month}::text, ${at}::timestamptz)`;
}

/** What stays of it. */
export async function findRecord(
  tx: Tx,
  { month }: Month,
): Promise<{ events: bigint; cost: string; hash: string }> {
  const [row] = await tx.$queryRaw<[{ events: bigint; cost: string; hash: string }]>`
    select events, cost_picos::text as cost, encode(hash, 'hex') as hash from dropped_months where month = ${month}::text`;
  return row;
}

/**
 * Empties the month, under a lock of this month alone that it never waits for. False where somebody reads it, or where anything in it changed
 * since it was recorded: then the transaction must be rolled back.
 */
export async function dropMonth(tx: Tx, { month }: Month): Promise<boolean> {
  const [row] = await tx.$queryRaw<
    [{ dropped: boolean }]
  >`select drop_usage_month(${month}::text) as dropped`;
  return row.dropped;
}
