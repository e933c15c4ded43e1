/** Events that could not be counted: kept whole, once, with the reason. */
import { createHash } from 'node:crypto';
import type { Tx } from '../platform/database.js';
import { Prisma } from '../platform/prisma/client.js';

export type DeadLetterStatus = 'open' | 'replayed' | 'discarded';

export type NewDeadLetter = {
  readonly code: string;
  readonly message: string;
  /** The event as it arrived, as JSON text. */
  readonly payload: string;
  readonly jobId: string | null;
  readonly entity: string | null;
  readonly project: string | null;
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
      id, code, message, payload, job_id, entity, project, source, event_id, status, seen_count, first_seen_at, last_seen_at
    )
    select
      id, min(code), min(message), min(payload), min(job_id), min(entity), min(project), min(source),
      min(event_id), 'open', count(*), now(), now()
    from unnest(
      ${rows.map((r) => r.id)}::text[],
      ${rows.map((r) => r.code)}::text[],
      ${rows.map((r) => r.message)}::text[],
      ${rows.map((r) => r.payload)}::text[],
      ${rows.map((r) => r.jobId)}::text[],
      ${rows.map((r) => r.entity)}::text[],
      ${rows.map((r) => r.project)}::text[],
      ${rows.map((r) => r.source)}::text[],
      ${rows.map((r) => r.eventId)}::text[]
    ) as t (id, code, message, payload, job_id, entity, project, source, event_id)
    group by id
    order by id
    on conflict (id) do update set
      status = 'open',
      job_id = excluded.job_id,
      seen_count = d.seen_count + excluded.seen_count,
      last_seen_at = excluded.last_seen_at`;
}

/** Null in any field is no condition. Times are those at which a letter was last seen: from `from` on, before `to`. */
export type LetterFilter = {
  readonly status: DeadLetterStatus | null;
  readonly entity: string | null;
  readonly project: string | null;
  readonly code: string | null;
  readonly from: Date | null;
  readonly to: Date | null;
};

const COLUMNS = Prisma.sql`
  id, code, message, payload, job_id as "jobId", entity, project, source, event_id as "eventId", status,
  seen_count as "seenCount", first_seen_at as "firstSeenAt", last_seen_at as "lastSeenAt"`;

function matching(filter: LetterFilter): Prisma.Sql {
  return Prisma.sql`
    (${filter.status}::text is null or status = ${filter.status}::text)
    and (${filter.entity}::text is null or entity = ${filter.entity}::text)
    and (${filter.project}::text is null or project = ${filter.project}::text)
    and (${filter.code}::text is null or code = ${filter.code}::text)
    and (${filter.from}::timestamptz is null or last_seen_at >= ${filter.from}::timestamptz)
    and (${filter.to}::timestamptz is null or last_seen_at < ${filter.to}::timestamptz)`;
}

/** A page of letters, last seen first; `after` is the last id of the page before. */
export async function findDeadLetters(
  tx: Tx,
  page: { filter: LetterFilter; after: string | null; limit: number },
): Promise<DeadLetterRow[]> {
  return tx.$queryRaw<DeadLetterRow[]>`
    select ${COLUMNS}
    from dead_letters
    where ${matching(page.filter)}
      and (${page.after}::text is null
        or (last_seen_at, id) < (select l.last_seen_at, l.id from dead_letters l where l.id = ${page.after}::text))
    order by last_seen_at desc, id desc
    limit ${page.limit}::integer`;
}

export async function countDeadLetters(tx: Tx, filter: LetterFilter): Promise<number> {
  const [row] = await tx.$queryRaw<[{ count: bigint }]>`
    select count(*) as count from dead_letters where ${matching(filter)}`;
  return Number(row.count);
}

/** Null where there is none in the scope. */
export async function findDeadLetter(
  tx: Tx,
  args: { id: string; entity: string | null },
): Promise<DeadLetterRow | null> {
  const rows = await tx.$queryRaw<DeadLetterRow[]>`
    select ${COLUMNS}
    from dead_letters
    where id = ${args.id}::text and (${args.entity}::text is null or entity = ${args.entity}::text)`;
  return rows[0] ?? null;
}

/**
 * Answers letters that are as they were read, and returns their ids: one that came back since then was refused again, and
 * stays open. Locks them in the order in which they are inserted.
 */
export async function answerDeadLetters(
  tx: Tx,
  letters: readonly Pick<DeadLetterRow, 'id' | 'seenCount' | 'status'>[],
  status: DeadLetterStatus,
): Promise<Set<string>> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    with unchanged as materialized (
      select d.id
      from dead_letters d
      join unnest(
        ${letters.map(({ id }) => id)}::text[],
        ${letters.map(({ seenCount }) => String(seenCount))}::bigint[],
        ${letters.map((letter) => letter.status)}::text[]
      ) as l (id, seen_count, status) on l.id = d.id and l.seen_count = d.seen_count and l.status = d.status
      order by d.id
      for update of d
    )
    update dead_letters d set status = ${status}::text
    from unchanged u
    where d.id = u.id
    returning d.id`;
  return new Set(rows.map(({ id }) => id));
}

/** The same content refused for the same reason is the same letter, however often it comes. */
function idOf(letter: NewDeadLetter): string {
  const hash = createHash('sha256').update(`${letter.code}\0${letter.payload}`).digest('base64url');
  return `dl_${hash.slice(0, 22)}`;
}
