/** Events that could not be counted: kept whole, once, with the reason. */
import { createHash } from 'node:crypto';
import type { Tx } from './database.js';

export type DeadLetterStatus = 'open' | 'replayed' | 'discarded';

export type NewDeadLetter = {
  readonly code: string;
  readonly message: string;
  /** The event as it arrived, as JSON text. */
  readonly payload: string;
  readonly jobId: string | null;
  readonly entity: string | null;
  readonly source: string | null;
  readonly eventId: string | null;
};

export type DeadLetterRow = NewDeadLetter & {
  readonly id: string;
  readonly status: DeadLetterStatus;
  readonly seenCount: bigint;
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
};

/** Keeps letters; one that came before is counted again and opened again, because it still has no one's answer. */
export async function insertDeadLetters(tx: Tx, letters: readonly NewDeadLetter[]): Promise<void> {
  const rows = letters.map((letter) => ({ id: idOf(letter), ...letter }));
  await tx.$executeRaw`
    insert into dead_letters as d (
      id, code, message, payload, job_id, entity, source, event_id, status, seen_count, first_seen_at, last_seen_at
    )
    select
      id, min(code), min(message), min(payload), min(job_id), min(entity), min(source), min(event_id),
      'open', count(*), now(), now()
    from unnest(
      ${rows.map((r) => r.id)}::text[],
      ${rows.map((r) => r.code)}::text[],
      ${rows.map((r) => r.message)}::text[],
      ${rows.map((r) => r.payload)}::text[],
      ${rows.map((r) => r.jobId)}::text[],
      ${rows.map((r) => r.entity)}::text[],
      ${rows.map((r) => r.source)}::text[],
      ${rows.map((r) => r.eventId)}::text[]
    ) as t (id, code, message, payload, job_id, entity, source, event_id)
    group by id
    order by id
    on conflict (id) do update set
      status = 'open',
      job_id = excluded.job_id,
      seen_count = d.seen_count + excluded.seen_count,
      last_seen_at = excluded.last_seen_at`;
}

/** Newest first. `status` and `entity` null list all. */
export async function findDeadLetters(
  tx: Tx,
  args: { status: DeadLetterStatus | null; entity: string | null; limit: number },
): Promise<DeadLetterRow[]> {
  return tx.$queryRaw<DeadLetterRow[]>`
    select
      id, code, message, payload, job_id as "jobId", entity, source, event_id as "eventId", status,
      seen_count as "seenCount", first_seen_at as "firstSeenAt", last_seen_at as "lastSeenAt"
    from dead_letters
    where (${args.status}::text is null or status = ${args.status}::text)
      and (${args.entity}::text is null or entity = ${args.entity}::text)
    order by last_seen_at desc, id
    limit ${args.limit}::integer`;
}

/** Locks a letter for its answer; null where there is none in the scope. */
export async function lockDeadLetter(
  tx: Tx,
  args: { id: string; entity: string | null },
): Promise<DeadLetterRow | null> {
  const rows = await tx.$queryRaw<DeadLetterRow[]>`
    select
      id, code, message, payload, job_id as "jobId", entity, source, event_id as "eventId", status,
      seen_count as "seenCount", first_seen_at as "firstSeenAt", last_seen_at as "lastSeenAt"
    from dead_letters
    where id = ${args.id}::text and (${args.entity}::text is null or entity = ${args.entity}::text)
    for update`;
  return rows[0] ?? null;
}

export async function setDeadLetterStatus(
  tx: Tx,
  args: { id: string; status: DeadLetterStatus },
): Promise<void> {
  await tx.$executeRaw`
    update dead_letters set status = ${args.status}::text where id = ${args.id}::text`;
}

/** The same content refused for the same reason is the same letter, however often it comes. */
function idOf(letter: NewDeadLetter): string {
  const hash = createHash('sha256').update(`${letter.code}\0${letter.payload}`).digest('base64url');
  return `dl_${hash.slice(0, 22)}`;
}
