/** Names of what is billed. Branded, so that an entity is never passed where a project is meant. */
import { createHash, randomBytes, randomFillSync } from 'node:crypto';
import {
  entityOfLeaseId,
  entityOfReservationId,
  parseSubject as parseNames,
  reservationId,
} from '@tally/client/protocol';

export type EntityName = string & { readonly brand: 'entity' };
export type ProjectName = string & { readonly brand: 'project' };

/** Who pays and what they spend it on: `entity1/project1`. */
export type Subject = { readonly entity: EntityName; readonly project: ProjectName };

/** Returns null where the text is not `entity/project`. */
export function parseSubject(text: string): Subject | null {
  return parseNames(text) as Subject | null;
}

export function formatSubject({ entity, project }: Subject): string {
  return `${entity}/${project}`;
}

/** A random id with 132 bits behind its prefix: `grant_3J9…`. */
export function randomId(prefix: 'grant' | 'key' | 'alert' | 'hook' | 'evt' | 'job'): string {
  return `${prefix}_${randomBytes(18).toString('base64url').replace(/[-_]/g, '0').slice(0, 22)}`;
}

export function newRequestId(): string {
  const at = nextRandom();
  return `req_${pool.toString('hex', at, at + ID_BYTES)}`;
}

/** Random bytes for ids are drawn by the page, which takes a tenth of the time of drawing them one by one. Each is used once. */
const ID_BYTES = 16;
const pool = Buffer.alloc(256 * ID_BYTES);
let used = pool.length;

function nextRandom(): number {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += ID_BYTES;
  return used - ID_BYTES;
}

/**
 * A reservation's id names its entity, so that a release finds the right keys without an index. With a request id it
 * is the same for every repetition; without one it has 128 random bits.
 */
export function reservationIdOf(subject: Subject, requestId: string | null): string {
  return reservationId(
    requestId === null ? randomPart() : hashedPart(`${formatSubject(subject)}\0${requestId}`),
    subject.entity,
  );
}

function randomPart(): string {
  const at = nextRandom();
  return pool.toString('base64url', at, at + ID_BYTES);
}

function hashedPart(text: string): string {
  return createHash('sha256').update(text).digest().toString('base64url', 0, ID_BYTES);
}

/** The entity that a reservation id names, or null where the text is no reservation id. */
export function entityOfReservation(id: string): EntityName | null {
  return entityOfReservationId(id) as EntityName | null;
}

/** The entity that a lease's id names, or null where the text is none. Gateways make these ids, so that a repetition is one. */
export function entityOfLease(id: string): EntityName | null {
  return entityOfLeaseId(id) as EntityName | null;
}

const DECISION = /^dec_([0-9a-z]{5})([A-Za-z0-9_-]{16})\.([A-Za-z0-9][A-Za-z0-9._-]{0,127})$/;
const DECISION_MINUTE_DIGITS = 5;

/** The id of a denial names its entity and its minute (since 1970), which is where its explanation is found. */
export function decisionIdOf(entity: EntityName, minute: number): string {
  const digits = minute.toString(36).padStart(DECISION_MINUTE_DIGITS, '0');
  return `dec_${digits}${randomBytes(12).toString('base64url')}.${entity}`;
}

/** The entity that a decision's id names, or null where the text is no such id. */
export function entityOfDecision(id: string): EntityName | null {
  return (DECISION.exec(id)?.[3] as EntityName | undefined) ?? null;
}

/** As it stands in the id. */
export function minuteOfDecision(id: string): string | null {
  return DECISION.exec(id)?.[1] ?? null;
}
