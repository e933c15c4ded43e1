/** Dead letters many at a time: those that arrive, and those that an operator replays or discards. */
import { createHash } from 'node:crypto';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';
import type { DeadLetter } from '../platform/prisma/client.js';
import type { DeadLetterRow, DeadLetterStatus, NewDeadLetter } from './dead-letter.js';

/** The entity of events that name none that can be read. */
const UNKNOWN = '';

/** The entity that a dead letter's id names: it is found by both. */
export function keyOfDeadLetter(id: string): { entity: string; id: string } {
  const point = id.indexOf('.');
  return { entity: point === -1 ? UNKNOWN : id.slice(point + 1), id };
}

/** Inserts dead letters. One that is known already counts one more arrival and is open again: it failed again. */
export async function insertDeadLetters(tx: Tx, deadLetters: readonly NewDeadLetter[]): Promise<void> {
  const rows = deadLetters.map((deadLetter) => ({ id: idOf(deadLetter), ...deadLetter }));
  await tx.$executeRaw`
    insert into dead_letters as d (
      entity, id, code, message, payload, job_id, project, source, event_id, status, seen_count, first_seen_at, last_seen_at
    )
    select
      entity, id, min(code), min(message), min(payload), min(job_id), min(project), min(source), min(event_id), 'open', count(*), now(), now()
    from unnest(
      ${pgArray(rows.map((r) => r.entity ?? UNKNOWN))}::text[],
      ${pgArray(rows.map((r) => r.id))}::text[],
      ${pgArray(rows.map((r) => r.code))}::text[],
      ${pgArray(rows.map((r) => r.message))}::text[],
      ${pgArray(rows.map((r) => r.payload))}::text[],
      ${pgArray(rows.map((r) => r.jobId))}::text[],
      ${pgArray(rows.map((r) => r.project))}::text[],
      ${pgArray(rows.map((r) => r.source))}::text[],
      ${pgArray(rows.map((r) => r.eventId))}::text[]
    ) as t (entity, id, code, message, payload, job_id, project, source, event_id)
    group by entity, id
    order by entity, id
    on conflict (entity, id) do update set
      status = 'open',
      job_id = excluded.job_id,
      seen_count = d.seen_count + excluded.seen_count,
      last_seen_at = excluded.last_seen_at`;
}

/**
 * Sets the status of dead letters that are as they were read, and returns their ids: one that arrived again since then was
 * refused again and stays open. Locks them in the order in which they are inserted.
 */
export async function resolveDeadLetters(
  tx: Tx,
  deadLetters: readonly Pick<DeadLetterRow, 'entity' | 'id' | 'seenCount' | 'status'>[],
  status: DeadLetterStatus,
): Promise<Set<string>> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    with unchanged as materialized (
      select d.entity, d.id
      from dead_letters d
      join unnest(
        ${pgArray(deadLetters.map(({ entity }) => entity ?? UNKNOWN))}::text[],
        ${pgArray(deadLetters.map(({ id }) => id))}::text[],
        ${pgArray(deadLetters.map(({ seenCount }) => String(seenCount)))}::bigint[],
        ${pgArray(deadLetters.map((deadLetter) => deadLetter.status))}::text[]
      ) as l (entity, id, seen_count, status)
        on l.entity = d.entity and l.id = d.id and l.seen_count = d.seen_count and l.status = d.status
      order by d.entity, d.id
      for update of d
    )
    update dead_letters d set status = ${status}::text
    from unchanged u
    where d.entity = u.entity and d.id = u.id
    returning d.id`;
  return new Set(rows.map(({ id }) => id));
}

/** How many bytes the payloads of dead letters have, in the order of the rows. Locks nothing. */
export async function findPayloadBytes(
  tx: Tx,
  deadLetters: readonly Pick<DeadLetter, 'entity' | 'id'>[],
): Promise<number[]> {
  const rows = await tx.$queryRaw<{ bytes: number }[]>`
    select coalesce(octet_length(d.payload), 0)::integer as bytes
    from unnest(
      ${pgArray(deadLetters.map(({ entity }) => entity))}::text[], ${pgArray(deadLetters.map(({ id }) => id))}::text[]
    ) with ordinality as l (entity, id, place)
    left join dead_letters d on d.entity = l.entity and d.id = l.id
    order by l.place`;
  return rows.map(({ bytes }) => bytes);
}

/**
 * Those of the dead letters that are there and have the status that was read, with their payloads, in the order given. Locks nothing.
 */
export async function findPayloads(
  tx: Tx,
  deadLetters: readonly Pick<DeadLetterRow, 'id' | 'status'>[],
): Promise<Pick<DeadLetterRow, 'id' | 'code' | 'payload'>[]> {
  return tx.$queryRaw<Pick<DeadLetterRow, 'id' | 'code' | 'payload'>[]>`
    select d.id, d.code, d.payload
    from unnest(
      ${pgArray(deadLetters.map(({ id }) => keyOfDeadLetter(id).entity))}::text[],
      ${pgArray(deadLetters.map(({ id }) => id))}::text[],
      ${pgArray(deadLetters.map((deadLetter) => deadLetter.status))}::text[]
    ) with ordinality as l (entity, id, status, place)
    join dead_letters d on d.entity = l.entity and d.id = l.id and d.status = l.status
    order by l.place`;
}

/**
 * The same content refused for the same reason is the same dead letter, however often it arrives. The id ends with the entity, where the
 * event names one.
 */
function idOf(deadLetter: NewDeadLetter): string {
  const hash = createHash('sha256').update(`${deadLetter.code}\0${deadLetter.payload}`).digest('base64url');
  const { entity } = deadLetter;
  return `dl_${hash.slice(0, 22)}${entity === null ? '' : `.${entity}`}`;
}
