/** The queue of webhook deliveries: adding, taking and pruning them in batches. */
import { pgArray } from '../platform/pg-array.js';
import type { Tx } from '../platform/database.js';

export type Message = { readonly id: string; readonly entity: string; readonly payload: string };

/** Adds one delivery per message and webhook that receives the message's entity. Its id names both. */
export async function insertDeliveries(tx: Tx, messages: readonly Message[], at: Date): Promise<number> {
  return tx.$executeRaw`
    insert into webhook_deliveries (entity, id, webhook_id, payload, status, next_attempt_at, created_at)
    select m.entity, m.id || '.' || w.id, w.id, m.payload, 'pending', ${at}::timestamptz, ${at}::timestamptz
    from unnest(
      ${pgArray(messages.map(({ id }) => id))}::text[],
      ${pgArray(messages.map(({ entity }) => entity))}::text[],
      ${pgArray(messages.map(({ payload }) => payload))}::text[]
    ) as m (id, entity, payload)
    join webhooks w on w.entity is null or w.entity = m.entity`;
}

export type DueDelivery = {
  readonly entity: string;
  readonly id: string;
  readonly url: string;
  readonly secret: string;
  readonly payload: string;
  /** This one included. */
  readonly attempts: number;
};

/**
 * Takes deliveries that are due, the longest due first, and sets the next attempt of each: it will be taken again then, unless it has
 * ended. Two workers at once take different deliveries.
 */
export async function takeDueDeliveries(
  tx: Tx,
  of: { at: Date; limit: number; retryDelaysSeconds: readonly number[] },
): Promise<DueDelivery[]> {
  return tx.$queryRaw<DueDelivery[]>`
    with due as (
      select entity, id from webhook_deliveries
      where status = 'pending' and next_attempt_at <= ${of.at}::timestamptz
      order by next_attempt_at, id
      limit ${of.limit}::integer
      for update skip locked
    )
    update webhook_deliveries d set
      attempts = d.attempts + 1,
      next_attempt_at =
        ${of.at}::timestamptz + make_interval(secs => (${pgArray(of.retryDelaysSeconds)}::integer[])[d.attempts + 1])
    from due, webhooks w
    where d.entity = due.entity and d.id = due.id and w.id = d.webhook_id
    returning d.entity, d.id, w.url, w.secret, d.payload, d.attempts`;
}

/** Deletes deliveries that have ended and were created before a time, at most `limit`, and returns how many. */
export async function deleteEndedDeliveries(tx: Tx, of: { before: Date; limit: number }): Promise<number> {
  return tx.$executeRaw`
    delete from webhook_deliveries
    where (entity, id) in (
      select entity, id from webhook_deliveries
      where status <> 'pending' and created_at < ${of.before}::timestamptz
      limit ${of.limit}::integer
    )`;
}
