/** Spend alerts, and the rows that make each fire once for a month and threshold. */
import type { EntityName, ProjectName } from '../domain/ids.js';
import type { Tx } from '../platform/database.js';

export type SpendAlertRow = {
  readonly id: string;
  readonly entity: EntityName;
  /** Null watches the entity as a whole. */
  readonly project: ProjectName | null;
  readonly thresholdPicos: bigint;
  readonly recipients: readonly string[];
  readonly subjectPrefix: string | null;
  readonly createdAt: Date;
};

type Raw = Omit<SpendAlertRow, 'thresholdPicos'> & { threshold: string };
type Scope = { readonly entity: string; readonly project: string | null };

export async function insertSpendAlert(tx: Tx, alert: SpendAlertRow): Promise<void> {
  await tx.$executeRaw`
    insert into spend_alerts (id, entity, project, threshold_picos, recipients, subject_prefix, created_at)
    values (
      ${alert.id}::text, ${alert.entity}::text, ${alert.project}::text, ${String(alert.thresholdPicos)}::numeric,
      ${alert.recipients}::text[], ${alert.subjectPrefix}::text, ${alert.createdAt}::timestamptz
    )`;
}

export async function updateSpendAlert(tx: Tx, alert: SpendAlertRow): Promise<void> {
  await tx.$executeRaw`
    update spend_alerts set
      threshold_picos = ${String(alert.thresholdPicos)}::numeric,
      recipients = ${alert.recipients}::text[],
      subject_prefix = ${alert.subjectPrefix}::text
    where id = ${alert.id}::text`;
}

export async function deleteSpendAlert(tx: Tx, id: string): Promise<void> {
  await tx.$executeRaw`delete from spend_alerts where id = ${id}::text`;
}

/** Changes of one scope's alerts wait for each other, so that a count of them holds until the commit. */
export async function lockSpendAlerts(tx: Tx, { entity, project }: Scope): Promise<void> {
  await tx.$queryRaw`
    select pg_advisory_xact_lock(hashtextextended('spend_alerts ' || ${entity}::text || '/' || ${project ?? ''}::text, 0))::text`;
}

/** All alerts of a scope, oldest first. They are few: whoever adds one sees to that. */
export async function findSpendAlerts(tx: Tx, { entity, project }: Scope): Promise<SpendAlertRow[]> {
  const rows = await tx.$queryRaw<Raw[]>`
    select
      id, entity, project, threshold_picos::text as threshold, recipients, subject_prefix as "subjectPrefix",
      created_at as "createdAt"
    from spend_alerts
    where entity = ${entity}::text and project is not distinct from ${project}::text
    order by created_at, id`;
  return rows.map(toAlert);
}

export type Firing = SpendAlertRow & { readonly period: string; readonly spentPicos: bigint };

/**
 * Marks alerts whose month has reached the threshold, at most `limit`, and returns those that nobody had marked. Of two checks
 * at once the second waits for the first and finds it done. A month that was over before the alert was made is none of its.
 */
export async function fireSpendAlerts(
  tx: Tx,
  of: { periods: readonly { period: string; end: Date }[]; at: Date; limit: number },
): Promise<Firing[]> {
  const rows = await tx.$queryRaw<(Raw & { period: string; spent: string })[]>`
    with reached as (
      select a.id, p.period, a.threshold_picos, coalesce(e.cost_picos, s.cost_picos) as spent_picos
      from spend_alerts a
      join unnest(
        ${of.periods.map(({ period }) => period)}::text[], ${of.periods.map(({ end }) => end)}::timestamptz[]
      ) as p (period, ends_at) on a.created_at < p.ends_at
      left join entity_spend e on a.project is null and e.entity = a.entity and e.period = p.period
      left join project_spend s on s.project = a.project and s.entity = a.entity and s.period = p.period
      where coalesce(e.cost_picos, s.cost_picos) >= a.threshold_picos and not exists (
        select from spend_alert_firings f
        where f.alert_id = a.id and f.period = p.period and f.threshold_picos = a.threshold_picos
      )
      order by a.id, p.period
      limit ${of.limit}::integer
    ), fired as (
      insert into spend_alert_firings (alert_id, period, threshold_picos, spent_picos, fired_at)
      select id, period, threshold_picos, spent_picos, ${of.at}::timestamptz from reached
      on conflict do nothing
      returning alert_id, period, spent_picos
    )
    select
      a.id, a.entity, a.project, a.threshold_picos::text as threshold, a.recipients, a.subject_prefix as "subjectPrefix",
      a.created_at as "createdAt", f.period, f.spent_picos::text as spent
    from fired f join spend_alerts a on a.id = f.alert_id
    order by a.id, f.period`;
  return rows.map(({ period, spent, ...row }) => ({ ...toAlert(row), period, spentPicos: BigInt(spent) }));
}

function toAlert({ threshold, ...row }: Raw): SpendAlertRow {
  return { ...row, thresholdPicos: BigInt(threshold) };
}
