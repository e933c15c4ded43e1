/** Webhooks and the messages on their way to them. */
import type { EntityName } from '../domain/ids.js';
import { arrayLiteral } from '../platform/array-literal.js';
import type { Tx } from '../platform/database.js';

export type WebhookRow = {
  readonly id: string;
  readonly url: string;
  /** Null hears of all entities. */
  readonly entity: EntityName | null;
  readonly createdAt: Date;
};

export async function insertWebhook(tx: Tx, webhook: WebhookRow & { secret: string }): Promise<void> {
  await tx.$executeRaw`
    insert into webhooks (id, url, entity, secret, created_at)
    values (
      ${webhook.id}::text, ${webhook.url}::text, ${webhook.entity}::text, ${webhook.secret}::text,
      ${webhook.createdAt}::timestamptz
    )`;
}

/** Additions of webhooks wait for each other, so that a count of them holds until the commit. */
export async function lockWebhooks(tx: Tx): Promise<void> {
  await tx.$queryRaw`select pg_advisory_xact_lock(hashtextextended('webhooks', 0))::text`;
}

/** Oldest first; `entity` null lists all. They are few: whoever adds one sees to that. */
export async function findWebhooks(tx: Tx, entity: string | null): Promise<WebhookRow[]> {
  return tx.$queryRaw<WebhookRow[]>`
    select id, url, entity, created_at as "createdAt"
    from webhooks
    where ${entity}::text is null or entity = ${entity}::text
    order by created_at, id`;
}

/** Deletes a webhook with all that is on its way to it; `only` narrows to one entity's. Null where there is none. */
export async function deleteWebhook(
  tx: Tx,
  of: { id: string; only: string | null },
): Promise<WebhookRow | null> {
  const [row] = await tx.$queryRaw<WebhookRow[]>`
    delete from webhooks
    where id = ${of.id}::text and (${of.only}::text is null or entity = ${of.only}::text)
    returning id, url, entity, created_at as "createdAt"`;
  return row ?? null;
}

export type Message = { readonly id: string; readonly entity: string; readonly payload: string };

/** Puts messages on their way to every webhook that hears of their entity. The webhook is part of the delivery's id. */
export async function insertDeliveries(tx: Tx, messages: readonly Message[], at: Date): Promise<number> {
  return tx.$executeRaw`
    insert into webhook_deliveries (id, webhook_id, payload, status, next_attempt_at, created_at)
    select m.id || '.' || w.id, w.id, m.payload, 'pending', ${at}::timestamptz, ${at}::timestamptz
    from unnest(
      ${arrayLiteral(messages.map(({ id }) => id))}::text[],
      ${arrayLiteral(messages.map(({ entity }) => entity))}::text[],
      ${arrayLiteral(messages.map(({ payload }) => payload))}::text[]
    ) as m (id, entity, payload)
    join webhooks w on w.entity is null or w.entity = m.entity`;
}

export type DueDelivery = {
  readonly id: string;
  readonly url: string;
  readonly secret: string;
  readonly payload: string;
  /** This one included. */
  readonly attempts: number;
};

/**
 * Takes deliveries that are due, the longest due first, and sets each one's next attempt, by which it is taken again unless it
 * has ended. Two workers take different ones.
 */
export async function takeDueDeliveries(
  tx: Tx,
  of: { at: Date; limit: number; waitsSeconds: readonly number[] },
): Promise<DueDelivery[]> {
  return tx.$queryRaw<DueDelivery[]>`
    with due as (
      select id from webhook_deliveries
      where status = 'pending' and next_attempt_at <= ${of.at}::timestamptz
      order by next_attempt_at, id
      limit ${of.limit}::integer
      for update skip locked
    )
    update webhook_deliveries d set
      attempts = d.attempts + 1,
      next_attempt_at = ${of.at}::timestamptz + make_interval(secs => (${of.waitsSeconds}::integer[])[d.attempts + 1])
    from due, webhooks w
    where d.id = due.id and w.id = d.webhook_id
    returning d.id, w.url, w.secret, d.payload, d.attempts`;
}

/** Writes how an attempt went: `pending` waits for the next one. */
export async function noteAttempt(
  tx: Tx,
  of: { id: string; status: 'pending' | 'delivered' | 'failed'; error: string | null },
): Promise<void> {
  await tx.$executeRaw`
    update webhook_deliveries set status = ${of.status}::text, last_error = ${of.error}::text
    where id = ${of.id}::text`;
}

/** Deletes deliveries that ended before a time, at most `limit`, and returns how many. */
export async function deleteEndedDeliveries(tx: Tx, of: { before: Date; limit: number }): Promise<number> {
  return tx.$executeRaw`
    delete from webhook_deliveries
    where id in (
      select id from webhook_deliveries
      where status <> 'pending' and created_at < ${of.before}::timestamptz
      limit ${of.limit}::integer
    )`;
}
