/** The queue of webhook deliveries: adding, taking, ending and pruning them. */
import { pgArray } from '../platform/pg-array.js';
import type { Tx } from '../platform/database.js';

export type Message = {
  /** Of the event: what a receiver knows it by. */
  readonly id: string;
  readonly type: string;
  /** Empty where it is about none. */
  readonly entity: string;
  /** False for what concerns only who runs the service: it goes to webhooks that receive all entities alone. */
  readonly isForEntity: boolean;
  readonly payload: string;
};

/** Adds one delivery per message and webhook that receives the message's entity. Its id names both. */
export async function insertDeliveries(tx: Tx, messages: readonly Message[], at: Date): Promise<number> {
  return tx.$executeRaw`
    insert into webhook_deliveries (
      entity, id, webhook_id, event_id, event_type, payload, status, next_attempt_at, queued_at, created_at
    )
    select
      m.entity, m.id || '.' || w.id, w.id, m.id, m.type, m.payload, 'pending',
      ${at}::timestamptz, ${at}::timestamptz, ${at}::timestamptz
    from unnest(
      ${pgArray(messages.map(({ id }) => id))}::text[],
      ${pgArray(messages.map(({ type }) => type))}::text[],
      ${pgArray(messages.map(({ entity }) => entity))}::text[],
      ${pgArray(messages.map(({ isForEntity }) => String(isForEntity)))}::boolean[],
      ${pgArray(messages.map(({ payload }) => payload))}::text[]
    ) as m (id, type, entity, is_for_entity, payload)
    join webhooks w on w.entity is null or (m.is_for_entity and w.entity = m.entity)`;
}

export type DueDelivery = {
  readonly entity: string;
  readonly id: string;
  readonly webhookId: string;
  readonly eventId: string;
  readonly url: string;
  readonly secret: string;
  /** Null unless it signs too. */
  readonly previousSecret: string | null;
  readonly payload: string;
  /** This one included. */
  readonly attempts: number;
};

/**
 * Takes the longest due delivery of each of the webhooks that have waited longest, of those that failed last time or of the others. The
 * webhook gets nothing else for `leaseSeconds`, or until the attempt has ended. The delivery's next attempt is set: it will be taken again
 * then, unless it has ended. Webhooks are locked before deliveries, as everywhere; one that another worker has locked is skipped, and
 * what that worker took meanwhile is not taken again, for the conditions are checked once more on the rows as they are now.
 */
export async function takeDueDeliveries(
  tx: Tx,
  of: {
    at: Date;
    areFailing: boolean;
    limit: number;
    leaseSeconds: number;
    retryDelaysSeconds: readonly number[];
  },
): Promise<DueDelivery[]> {
  const retriesAt = of.retryDelaysSeconds.map((seconds) => new Date(of.at.getTime() + seconds * 1_000));
  return tx.$queryRaw<DueDelivery[]>`
    with recursive waiting as (
      (select webhook_id from webhook_deliveries where status = 'pending' order by webhook_id limit 1)
      union all
      select (
        select d.webhook_id from webhook_deliveries d
        where d.status = 'pending' and d.webhook_id > w.webhook_id
        order by d.webhook_id
        limit 1
      )
      from waiting w where w.webhook_id is not null
    ), chosen as (
      select w.id from webhooks w
      where w.id in (select webhook_id from waiting)
        and w.next_at <= ${of.at}::timestamptz and (w.failures > 0) = ${of.areFailing}::boolean
        and exists (
          select from webhook_deliveries d
          where d.webhook_id = w.id and d.status = 'pending' and d.next_attempt_at <= ${of.at}::timestamptz
        )
      order by w.next_at, w.id
      limit ${of.limit}::integer
      for no key update of w skip locked
    ), taken as (
      update webhook_deliveries d set
        attempts = d.attempts + 1,
        next_attempt_at = (${pgArray(retriesAt)}::timestamptz[])[d.attempts + 1]
      from chosen c
      cross join lateral (
        select entity, id from webhook_deliveries
        where webhook_id = c.id and status = 'pending' and next_attempt_at <= ${of.at}::timestamptz
        order by next_attempt_at, id
        limit 1
      ) first
      where d.entity = first.entity and d.id = first.id
        and d.status = 'pending' and d.next_attempt_at <= ${of.at}::timestamptz
      returning d.entity, d.id, d.webhook_id, d.event_id, d.payload, d.attempts
    )
    update webhooks w set next_at = ${of.at}::timestamptz + make_interval(secs => ${of.leaseSeconds}::integer)
    from taken t
    where w.id = t.webhook_id
    returning
      t.entity, t.id, t.webhook_id as "webhookId", t.event_id as "eventId", w.url, w.secret, t.payload, t.attempts,
      case when w.previous_secret_until > ${of.at}::timestamptz then w.previous_secret end as "previousSecret"`;
}

export type Attempt = {
  readonly startedAt: Date;
  readonly durationMs: number;
  /** The receiver's, or null where there is no answer. */
  readonly status: number | null;
  readonly error: string | null;
};

/**
 * Writes how an attempt ended, and when its webhook may be served next: after as long as the number of its failures in a row says. Changes
 * nothing if the webhook was deleted meanwhile, and its deliveries with it. The log keeps the newest attempts.
 */
export async function endAttempt(
  tx: Tx,
  of: {
    delivery: Pick<DueDelivery, 'entity' | 'id' | 'webhookId'>;
    status: 'pending' | 'delivered' | 'failed';
    attempt: Attempt;
    attemptsKept: number;
    at: Date;
    pausesSeconds: readonly number[];
  },
): Promise<void> {
  const { delivery, status, attempt, at } = of;
  await tx.$executeRaw`
    with served as (
      update webhooks set
        failures = case when ${status === 'delivered'}::boolean then 0 else failures + 1 end,
        next_at = ${at}::timestamptz + make_interval(secs => case
          when ${status === 'delivered'}::boolean then 0
          else (${pgArray(of.pausesSeconds)}::integer[])[least(failures + 1, ${of.pausesSeconds.length}::integer)]
        end)
      where id = ${delivery.webhookId}::text
      returning id
    )
    update webhook_deliveries d set
      status = ${status}::text,
      last_error = ${attempt.error}::text,
      attempt_log = jsonb_path_query_array(
        d.attempt_log || jsonb_build_object(
          'at', (extract(epoch from ${attempt.startedAt}::timestamptz) * 1000)::bigint,
          'duration_ms', ${attempt.durationMs}::integer,
          'status', ${attempt.status}::integer,
          'error', ${attempt.error}::text
        ),
        '$[last - $kept to last]', jsonb_build_object('kept', ${of.attemptsKept - 1}::integer)
      )
    from served s
    where d.entity = ${delivery.entity}::text and d.id = ${delivery.id}::text and d.webhook_id = s.id`;
}

/** Gives up deliveries that have been queued since before a time, at most `limit`, and returns how many. */
export async function giveUpDeliveries(tx: Tx, of: { before: Date; limit: number }): Promise<number> {
  return tx.$executeRaw`
    update webhook_deliveries set status = 'failed', last_error = coalesce(last_error, 'its webhook was not served in time')
    where (entity, id) in (
      select entity, id from webhook_deliveries
      where status = 'pending' and queued_at < ${of.before}::timestamptz
      limit ${of.limit}::integer
      for update skip locked
    )`;
}

/** Deletes deliveries that have ended and were queued before a time, at most `limit`, and returns how many. */
export async function deleteEndedDeliveries(tx: Tx, of: { before: Date; limit: number }): Promise<number> {
  return tx.$executeRaw`
    delete from webhook_deliveries
    where (entity, id) in (
      select entity, id from webhook_deliveries
      where status <> 'pending' and queued_at < ${of.before}::timestamptz
      limit ${of.limit}::integer
    )`;
}
