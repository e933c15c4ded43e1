/** The queue of mails: adding, taking, ending and pruning them. */
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';
import type { Attempt } from './webhook-deliveries.sql.js';

export type NewMail = {
  readonly entity: string;
  readonly id: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly recipient: string;
  readonly subject: string;
  readonly body: string;
};

/** Transactions that queue mails of one entity wait for each other, so a count of them stays true until the commit. */
export async function lockMails(tx: Tx, { entity }: { entity: string }): Promise<void> {
  await tx.$queryRaw`select pg_advisory_xact_lock(hashtextextended('mails ' || ${entity}::text, 0))::text`;
}

export type DueMail = NewMail & {
  /** This one included. */
  readonly attempts: number;
};

/**
 * Takes the longest due mail of each of the entities that have waited longest. Its next attempt is set: it will be taken again then, unless
 * it has ended. One that another worker has locked is skipped, and what that worker took meanwhile is not taken again, for the
 * conditions are checked once more on the rows as they are now.
 */
export async function takeDueMails(
  tx: Tx,
  of: { at: Date; limit: number; retryDelaysSeconds: readonly number[] },
): Promise<DueMail[]> {
  const retriesAt = of.retryDelaysSeconds.map((seconds) => new Date(of.at.getTime() + seconds * 1_000));
  return tx.$queryRaw<DueMail[]>`
    with recursive waiting as (
      (select entity from mail_deliveries where status = 'pending' order by entity limit 1)
      union all
      select (
        select m.entity from mail_deliveries m
        where m.status = 'pending' and m.entity > w.entity
        order by m.entity
        limit 1
      )
      from waiting w where w.entity is not null
    ), chosen as (
      select first.entity, first.id from waiting w
      cross join lateral (
        select entity, id, next_attempt_at from mail_deliveries
        where entity = w.entity and status = 'pending' and next_attempt_at <= ${of.at}::timestamptz
        order by next_attempt_at, id
        limit 1
      ) first
      order by first.next_attempt_at, first.entity
      limit ${of.limit}::integer
    ), free as (
      select m.entity, m.id from mail_deliveries m
      where (m.entity, m.id) in (select entity, id from chosen)
      for update skip locked
    )
    update mail_deliveries m set
      attempts = m.attempts + 1,
      next_attempt_at = (${pgArray(retriesAt)}::timestamptz[])[m.attempts + 1]
    from free f
    where m.entity = f.entity and m.id = f.id and m.status = 'pending' and m.next_attempt_at <= ${of.at}::timestamptz
    returning m.entity, m.id, m.event_id as "eventId", m.event_type as "eventType", m.recipient, m.subject, m.body, m.attempts`;
}

/** Writes how an attempt ended. The log keeps the newest attempts. */
export async function endMailAttempt(
  tx: Tx,
  of: {
    mail: Pick<DueMail, 'entity' | 'id'>;
    status: 'pending' | 'delivered' | 'failed';
    attempt: Attempt;
    attemptsKept: number;
  },
): Promise<void> {
  const { mail, status, attempt } = of;
  await tx.$executeRaw`
    update mail_deliveries set
      status = ${status}::text,
      attempt_log = jsonb_path_query_array(
        attempt_log || jsonb_build_object(
          'at', (extract(epoch from ${attempt.startedAt}::timestamptz) * 1000)::bigint,
          'duration_ms', ${attempt.durationMs}::integer,
          'status', ${attempt.status}::integer,
          'error', ${attempt.error}::text
        ),
        '$[last - $kept to last]', jsonb_build_object('kept', ${of.attemptsKept - 1}::integer)
      )
    where entity = ${mail.entity}::text and id = ${mail.id}::text`;
}

/** Deletes mails that have ended and were queued before a time, at most `limit`, and returns how many. */
export async function deleteEndedMails(tx: Tx, of: { before: Date; limit: number }): Promise<number> {
  return tx.$executeRaw`
    delete from mail_deliveries
    where (entity, id) in (
      select entity, id from mail_deliveries
      where status <> 'pending' and queued_at < ${of.before}::timestamptz
      limit ${of.limit}::integer
    )`;
}
