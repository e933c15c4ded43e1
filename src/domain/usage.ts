/** What one request used, and the identity of the event that reports it. */
import { createHash } from 'node:crypto';
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

/** The key of an event: the first 128 bits of SHA-256 over source and id, as a UUID. Time is no part of it. */
export function identityOf(event: { source: string; id: string }): string {
  const hex = createHash('sha256').update(`${event.source}\0${event.id}`).digest('hex').slice(0, 32);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** 128 bits over everything that the event says: two events with the same identity and different fingerprints are a conflict. */
export function fingerprintOf(event: UsageEvent): string {
  const { quantities } = event;
  const content = [
    formatSubject(event),
    event.occurredAt.toISOString(),
    event.model,
    event.operation,
    METERS.map((meter) => quantities[meter] ?? 0),
    event.serviceTier,
    event.region,
    sorted(event.attributes),
    event.rawUsage,
    event.usageSource,
    event.reservationId,
    event.apiKeyId,
    event.userId,
    event.requestId,
    sorted(event.tags),
  ];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 32);
}

function sorted(texts: Readonly<Record<string, string>> | null): [string, string][] | null {
  return texts === null ? null : Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1));
}
