/** Spreads entities over queues, lanes and ranges of identities: the same hash everywhere, so that an entity is always in the same one. */
import { hash } from 'node:crypto';

export const BUCKETS = 65_536;

/** The first 16 bits of SHA-256 over the entity's name: 0 to 65,535. */
export function bucketOf(entity: string): number {
  return Number.parseInt(hash('sha256', entity).slice(0, 4), 16);
}

/** Which of `parts` ranges of buckets the entity falls into: 0 to `parts` − 1. */
export function partOf(entity: string, parts: number): number {
  return Math.floor((bucketOf(entity) * parts) / BUCKETS);
}
