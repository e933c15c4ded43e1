/** The row per alert, month and threshold that makes an alert fire once. */
import type { Tx } from '../platform/database.js';
import { Prisma } from '../platform/prisma/client.js';
import { pgArray } from '../platform/pg-array.js';

export type Firing = {
  readonly id: string;
  readonly entity: string;
  readonly project: string | null;
  readonly thresholdPicos: bigint;
  readonly recipients: readonly string[];
  readonly subjectPrefix: string | null;
  readonly period: string;
  readonly spentPicos: bigint;
};

type Row = Omit<Firing, 'thresholdPicos' | 'spentPicos'> & { threshold: string; spent: string };

export type OpenPeriod = { readonly period: string; readonly end: Date };

/**
 * Alerts whose month has reached the threshold, unless they have told of as much before: another threshold fires again only once the spend
 * crosses it after that. An alert ignores months that ended before it was created.
 */
function reached(periods: readonly OpenPeriod[]): Prisma.Sql {
  return Prisma.sql`
    select a.entity, a.id, p.period, a.threshold_picos, coalesce(e.cost_picos, s.cost_picos) as spent_picos
    from spend_alerts a
    join unnest(
      ${pgArray(periods.map(({ period }) => period))}::text[], ${pgArray(periods.map(({ end }) => end))}::timestamptz[]
    ) as p (period, ends_at) on a.created_at < p.ends_at
    left join entity_spend e on a.project is null and e.entity = a.entity and e.period = p.period
    left join project_spend s on s.project = a.project and s.entity = a.entity and s.period = p.period
    where coalesce(e.cost_picos, s.cost_picos) >= a.threshold_picos and not exists (
      select from spend_alert_firings f
      where f.entity = a.entity and f.alert_id = a.id and f.period = p.period and f.spent_picos >= a.threshold_picos
    )`;
}

/** A page of the entities that have such alerts, by name. */
export async function findEntitiesReached(
  tx: Tx,
  of: { periods: readonly OpenPeriod[]; after: string | null; limit: number },
): Promise<{ entity: string }[]> {
  return tx.$queryRaw<{ entity: string }[]>`
    select distinct r.entity from (${reached(of.periods)}) r
    where r.entity > coalesce(${of.after}::text, '')
    order by r.entity
    limit ${of.limit}::integer`;
}

/**
 * Marks alerts of an entity that have reached their threshold as fired, at most `limit`, and returns those that were not marked yet. Of two
 * checks at once, the second waits for the first and finds them marked.
 */
export async function fireSpendAlerts(
  tx: Tx,
  of: { entity: string; periods: readonly OpenPeriod[]; at: Date; limit: number },
): Promise<Firing[]> {
  const rows = await tx.$queryRaw<Row[]>`
    with reached as (
      select * from (${reached(of.periods)}) r
      where r.entity = ${of.entity}::text
      order by r.id, r.period
      limit ${of.limit}::integer
    ), fired as (
      insert into spend_alert_firings (entity, alert_id, period, threshold_picos, spent_picos, fired_at)
      select entity, id, period, threshold_picos, spent_picos, ${of.at}::timestamptz from reached
      on conflict do nothing
      returning entity, alert_id, period, spent_picos
    )
    select
      a.id, a.entity, a.project, a.threshold_picos::text as threshold, a.recipients, a.subject_prefix as "subjectPrefix",
      f.period, f.spent_picos::text as spent
    from fired f join spend_alerts a on a.entity = f.entity and a.id = f.alert_id
    order by a.id, f.period`;
  return rows.map(({ threshold, spent, ...row }) => ({
    ...row,
    thresholdPicos: BigInt(threshold),
    spentPicos: BigInt(spent),
  }));
}
