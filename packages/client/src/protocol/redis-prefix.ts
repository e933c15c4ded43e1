/** How deployments share a Redis, and how queues spread over a Cluster: what stands before each key. */
import { shardOf } from './usage-queue.js';

export const REDIS_PREFIX_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;

export type RedisNames = {
  /** `REDIS_PREFIX`; null where there is none. */
  readonly prefix: string | null;
  readonly isCluster: boolean;
};

const SLOTS = 16_384;
/** How near to its aim a shard's slot must be. */
const WINDOW_SLOTS = 64;
/** Multiples of the golden ratio lie as evenly as may be, however many shards and nodes there are; from here the first three fall into thirds. */
const GOLDEN = 0.618_033_988_75;
const FIRST = 0.11;

/** What stands before every key and channel that is not BullMQ's. */
export function keyPrefixOf(prefix: string | null): string {
  return prefix === null ? '' : prefix.endsWith(':') ? prefix : `${prefix}:`;
}

/**
 * BullMQ's own prefix of a queue. On a Cluster it stands in braces: what it holds decides the slot, and the keys of a queue must be in
 * one. Each shard of usage has a slot of its own, spread over the Cluster; all other queues share one.
 */
export function queuePrefixOf(queue: string, { prefix, isCluster }: RedisNames): string {
  const base = prefix ?? 'bull';
  if (!isCluster) return base;
  const shard = shardOf(queue);
  return shard === null ? `{${base}}` : `{${spreadTag(`${base}-${shard}`, shard)}}`;
}

/** The first of `name`, `name.1`, `name.2` … whose slot is near to the shard's place. It is the same whatever the number of shards is. */
function spreadTag(name: string, shard: number): string {
  const aim = Math.floor(((FIRST + shard * GOLDEN) % 1) * SLOTS);
  let tag = name;
  for (let tried = 1; Math.abs(slotOf(tag) - aim) > WINDOW_SLOTS; tried += 1) tag = `${name}.${tried}`;
  return tag;
}

/** The slot of a key on a Cluster: CRC-16 (XMODEM) of what its first braces hold, or of all of it. */
export function slotOf(key: string): number {
  const start = key.indexOf('{');
  const end = start < 0 ? -1 : key.indexOf('}', start + 1);
  const hashed = end > start + 1 ? key.slice(start + 1, end) : key;
  let crc = 0;
  for (const byte of Buffer.from(hashed)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc % SLOTS;
}
