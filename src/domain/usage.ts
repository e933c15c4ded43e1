/** What one request used, and the identity of the event that reports it. */
import { hash } from 'node:crypto';
import { bucketOf } from '@tally/client/protocol';
import { formatSubject, type EntityName, type ProjectName } from './ids.js';
import { METERS, type Quantities } from './meters.js';

export type UsageEvent = {
  readonly source: string;
  readonly id: string;
  readonly entity: EntityName;
  readonly project: ProjectName;
  readonly occurredAt: Date;
  readonly model: string;
  readonly operation: string;
  readonly quantities: Quantities;
  /** The tier that served; `default` where the event does not say. */
  readonly serviceTier: string;
  readonly region: string | null;
  /** What else chooses among a price's variants. */
  readonly attributes: Readonly<Record<string, string>> | null;
  /** Fields of the usage that have a count above 0 and that no shape knows. */
  readonly unread: readonly string[];
  /** The usage object as the server sent it; kept only where something of it is unread. */
  readonly rawUsage: object | null;
  /** Descriptive fields that were cut or turned into text. */
  readonly mended: readonly string[];
  readonly usageSource: 'reported' | 'estimated';
  readonly reservationId: string | null;
  readonly apiKeyId: string | null;
  readonly userId: string | null;
  readonly requestId: string | null;
  readonly tags: Readonly<Record<string, string>> | null;
};

/**
 * The key of an event, as a UUID: the bucket of its entity in the first 16 bits, then 112 bits of SHA-256 over entity, source and id. So
 * nobody can use up another's, and an entity's identities lie together. Time is no part of it.
 */
export function identityOf(
  { entity, source, id }: { entity: string; source: string; id: string },
  bucket = bucketDigitsOf(entity),
): string {
  const hex = bucket + sha256(`${entity}\0${source}\0${id}`);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/** The first four digits of an entity's identities. */
export function bucketDigitsOf(entity: string): string {
  return bucketOf(entity).toString(16).padStart(4, '0');
}

/** Everything that an event says, as one text: two events with the same identity and different contents are a conflict. */
export function contentOf(event: UsageEvent): string {
  const { quantities } = event;
  return JSON.stringify([
    formatSubject(event),
    event.occurredAt.toISOString(),
    event.model,
    event.operation,
    METERS.map((meter) => quantities[meter] ?? 0),
    event.serviceTier,
    event.region,
    sorted(event.attributes),
    sorted(event.rawUsage),
    event.usageSource,
    event.reservationId,
    event.apiKeyId,
    event.userId,
    event.requestId,
    sorted(event.tags),
  ]);
}

/** 128 bits over the content, as a UUID without its dashes. */
export function fingerprintOf(event: UsageEvent): string {
  return sha256(contentOf(event)).slice(0, 32);
}

/** Objects as lists of their fields by name, for JSON from the database may have them in another order. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const fields = Object.entries(value).map(([name, inner]) => [name, sorted(inner)] as const);
  return fields.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** As hexadecimal digits. */
function sha256(text: string): string {
  return hash('sha256', text, 'hex');
}
