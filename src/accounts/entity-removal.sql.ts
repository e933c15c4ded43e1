/** What keeps an entity from being deleted, and what goes with it. */
import type { Tx } from '../platform/database.js';

/** Locks the entity so that nothing is booked for it until the transaction ends; counting sets its usage aside meanwhile. */
export async function lockForRemoval(tx: Tx, entity: string): Promise<void> {
  await tx.$queryRaw`select name from entities where name = ${entity}::text for update`;
}

/** In words, what the entity still has; empty where it may go. Keys that are revoked or have expired do not count. */
export async function findHoldings(tx: Tx, { entity, at }: { entity: string; at: Date }): Promise<string[]> {
  const [row] = await tx.$queryRaw<[{ held: string[] }]>`
    select array_remove(array[
      case when exists (select from usage_series where entity = ${entity}::text)
        or exists (select from usage_origins where entity = ${entity}::text)
        or exists (select from usage_events where entity = ${entity}::text)
        or exists (select from usage_hourly where entity = ${entity}::text)
        or exists (select from usage_days where entity = ${entity}::text)
        or exists (select from usage_daily where entity = ${entity}::text)
        or exists (select from usage_daily_callers where entity = ${entity}::text)
        or exists (select from usage_corrections where entity = ${entity}::text)
        or exists (select from entity_spend where entity = ${entity}::text)
        or exists (select from project_spend where entity = ${entity}::text)
        or exists (select from spend_alert_firings where entity = ${entity}::text)
        or exists (select from burns where entity = ${entity}::text)
        or exists (select from burn_reversals where entity = ${entity}::text) then 'usage' end,
      case when exists (select from credit_grants where entity = ${entity}::text)
        or exists (select from debts where entity = ${entity}::text)
        or exists (select from ledger_entries where entity = ${entity}::text) then 'credits' end,
      case when exists (
        select from api_keys
        where entity = ${entity}::text and revoked_at is null and (expires_at is null or expires_at > ${at}::timestamptz)
      ) then 'keys' end,
      case when exists (select from closed_periods where entity = ${entity}::text) then 'statements of closed months' end,
      case when exists (select from prices where entity = ${entity}::text) then 'prices' end,
      case when exists (select from dead_letters where entity = ${entity}::text and status = 'open') then 'open dead letters' end,
      case when exists (select from usage_conflicts where entity = ${entity}::text and reviewed_at is null) then 'open conflicts' end,
      case when exists (
        select from jobs where entity = ${entity}::text and status in ('queued', 'running')
      ) then 'jobs in progress' end
    ], null) as held`;
  return row.held;
}

/** How many of each went with the entity. */
export type Removed = Readonly<Record<'projects' | 'alerts' | 'webhooks' | 'keys', number>>;

/** The audit log keeps its entries, and nothing else keeps any of it. Needs the entity's lock, and that nothing stands in the way. */
export async function deleteEntity(tx: Tx, entity: string): Promise<Removed> {
  await tx.$executeRaw`
    delete from alert_states s
    where s.entity = ${entity}::text
      or s.alert_id in (select a.id from alerts a where a.entity = ${entity}::text)
      or s.alert_id in (select a.id from spend_alerts a where a.entity = ${entity}::text)`;
  const spendAlerts = await tx.$executeRaw`delete from spend_alerts where entity = ${entity}::text`;
  const alerts = await tx.$executeRaw`delete from alerts where entity = ${entity}::text`;
  await tx.$executeRaw`delete from webhook_deliveries where entity = ${entity}::text`;
  const webhooks = await tx.$executeRaw`delete from webhooks where entity = ${entity}::text`;
  await tx.$executeRaw`delete from mail_deliveries where entity = ${entity}::text`;
  await tx.$executeRaw`delete from output_sizes where entity = ${entity}::text`;
  await tx.$executeRaw`delete from dead_letters where entity = ${entity}::text`;
  await tx.$executeRaw`delete from usage_conflicts where entity = ${entity}::text`;
  await tx.$executeRaw`
    delete from job_parts p using jobs j where j.entity = ${entity}::text and p.job_id = j.id`;
  await tx.$executeRaw`delete from jobs where entity = ${entity}::text`;
  await tx.$executeRaw`
    delete from idempotency_keys where entity = ${entity}::text or scope = ${entity}::text`;
  const keys = await tx.$executeRaw`delete from api_keys where entity = ${entity}::text`;
  const projects = await tx.$executeRaw`delete from projects where entity = ${entity}::text`;
  await tx.$executeRaw`delete from entities where name = ${entity}::text`;
  return { projects, alerts: spendAlerts + alerts, webhooks, keys };
}
