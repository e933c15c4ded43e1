/** What waits for a person. Each query reads an index that holds nothing else, and no more than a bound of it: an inbox is looked at often. */
import type { Tx } from '../platform/database.js';

export type Waiting = { readonly count: number; readonly oldestAt: Date | null };

type Bound = { readonly limit: number };

export type WaitingOfCode = Waiting & { readonly code: string };

/** By reason. One more than the bound in all means that there are more. */
export async function countOpenDeadLetters(tx: Tx, { limit }: Bound): Promise<WaitingOfCode[]> {
  return tx.$queryRaw<WaitingOfCode[]>`
    select code, count(*)::integer as count, min(last_seen_at) as "oldestAt"
    from (
      select code, last_seen_at from dead_letters where status = 'open' order by last_seen_at limit ${limit}::integer + 1
    ) d
    group by code
    order by count desc, code`;
}

export async function countOpenConflicts(tx: Tx, { limit }: Bound): Promise<Waiting> {
  const [row] = await tx.$queryRaw<[Waiting]>`
    select count(*)::integer as count, min(last_seen_at) as "oldestAt"
    from (
      select last_seen_at from usage_conflicts where reviewed_at is null order by last_seen_at limit ${limit}::integer + 1
    ) c`;
  return row;
}

export type UnpricedModel = { readonly model: string; readonly entities: number; readonly events: number };

/**
 * Models with usage that waits for a price. It steps from one series to the next in the index of what waits, at most `seriesMax` of them, and
 * counts at most `eventsMax` events of each.
 */
export async function findUnpricedModels(
  tx: Tx,
  { seriesMax, eventsMax }: { seriesMax: number; eventsMax: number },
): Promise<UnpricedModel[]> {
  return tx.$queryRaw<UnpricedModel[]>`
    with recursive waiting as (
      (
        select entity, series_id, 1 as place from usage_events
        where unpriced_meters is not null order by entity, series_id limit 1
      )
      union all
      select n.entity, n.series_id, w.place + 1
      from waiting w
      cross join lateral (
        select e.entity, e.series_id from usage_events e
        where e.unpriced_meters is not null and (e.entity, e.series_id) > (w.entity, w.series_id)
        order by e.entity, e.series_id limit 1
      ) n
      where w.place < ${seriesMax}::integer
    )
    select s.model, count(distinct w.entity)::integer as entities, sum(c.events)::integer as events
    from waiting w
    join usage_series s on s.entity = w.entity and s.id = w.series_id
    cross join lateral (
      select count(*) as events
      from (
        select from usage_events e
        where e.unpriced_meters is not null and e.entity = w.entity and e.series_id = w.series_id
        limit ${eventsMax}::integer
      ) l
    ) c
    group by s.model
    order by events desc, s.model`;
}

export type UnreadField = { readonly field: string; readonly model: string; readonly events: number };

/** Fields that no shape of usage knows, of the newest events since then that have any. */
export async function findUnreadFields(
  tx: Tx,
  { since, eventsMax, limit }: { since: Date; eventsMax: number; limit: number },
): Promise<UnreadField[]> {
  return tx.$queryRaw<UnreadField[]>`
    select f.field, s.model, count(*)::integer as events
    from (
      select entity, series_id, details -> 'unread' as unread from usage_events
      where details -> 'unread' is not null and occurred_at >= ${since}::timestamptz
      order by occurred_at desc
      limit ${eventsMax}::integer
    ) e
    join usage_series s on s.entity = e.entity and s.id = e.series_id
    cross join lateral jsonb_array_elements_text(e.unread) f (field)
    group by f.field, s.model
    order by events desc, f.field, s.model
    limit ${limit}::integer`;
}

export type FailingWebhook = { readonly id: string; readonly url: string; readonly failures: number };

/** Receivers that have not taken what was sent last. There are few webhooks. */
export async function findFailingWebhooks(tx: Tx, { limit }: Bound): Promise<FailingWebhook[]> {
  return tx.$queryRaw<FailingWebhook[]>`
    select id, url, failures from webhooks where failures > 0 order by failures desc, id limit ${limit}::integer`;
}

/** Jobs that failed since then. */
export async function countFailedJobs(tx: Tx, { since, limit }: Bound & { since: Date }): Promise<Waiting> {
  const [row] = await tx.$queryRaw<[Waiting]>`
    select count(*)::integer as count, min(created_at) as "oldestAt"
    from (
      select created_at from jobs where status = 'failed' and created_at >= ${since}::timestamptz limit ${limit}::integer + 1
    ) j`;
  return row;
}

/** To webhooks and by mail: what is to be sent or sent again. */
export async function countOpenDeliveries(
  tx: Tx,
  { limit }: Bound,
): Promise<{ readonly webhooks: number; readonly mails: number }> {
  const [row] = await tx.$queryRaw<[{ webhooks: number; mails: number }]>`
    select
      (select count(*) from (select from webhook_deliveries where status = 'pending' limit ${limit}::integer) w)::integer as webhooks,
      (select count(*) from (select from mail_deliveries where status = 'pending' limit ${limit}::integer) m)::integer as mails`;
  return row;
}
