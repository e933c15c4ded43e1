/** The row per alert, month and threshold that makes an alert fire once. */
import type { Tx } from '../platform/database.js';
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

/**
 * Marks alerts whose month has reached the threshold as fired, at most `limit`, and returns those that were not marked yet. Of two
 * checks at once, the second waits for the first and finds them marked. An alert ignores months that ended before it was created.
 */
export async function fireSpendAlerts(
  tx: Tx,
  of: { periods: readonly { period: string; end: Date }[]; at: Date; limit: number },
): Promise<Firing[]> {
  const rows = await tx.$queryRaw<Row[]>`
    with reached as (
      select a.entity, a.id, p.period, a.threshold_picos, coalesce(e.cost_picos, s.cost_picos) as spent_picos
      from spend_alerts a
      join unnest(
        ${pgArray(of.periods.map(({ period }) => period))}::text[], ${pgArray(of.periods.map(({ end }) => end))}::timestamptz[]
      ) as p (period, ends_at) on a.created_at < p.ends_at
      left join entity_spend e on a.project is null and e.entity = a.entity and e.period = p.period
      left join project_spend s on s.project = a.project and s.entity = a.entity and s.period = p.period
      where coalesce(e.cost_picos, s.cost_picos) >= a.threshold_picos and not exists (
        select from spend_alert_firings f
        where f.entity = a.entity and f.alert_id = a.id and f.period = p.period and f.threshold_picos = a.threshold_picos
      )
      order by a.id, p.period
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
