/**
 * Usage on the queue (BullMQ). A job carries one event or an array of up to 1,000. Usage may be spread over several queues by entity;
 * a producer need not know how many, because `usage-events` is always taken as well.
 */
import { partOf } from './bucket.js';

export const USAGE_QUEUE = 'usage-events';
export const USAGE_JOB = 'usage';

/** The most queues that usage is spread over. */
export const USAGE_SHARDS_MAX = 64;

/** About six days of retries: a job that fails is waiting for the database, and giving up would lose its events. */
export const USAGE_JOB_OPTIONS = {
  attempts: 100_000,
  backoff: { type: 'fixed', delay: 5_000, jitter: 0.5 },
  removeOnComplete: true,
} as const;

/** The queue that an entity's events go to where usage is spread over `shards` queues. */
export function usageQueueOf(entity: string, shards: number): string {
  return shards === 1 ? USAGE_QUEUE : shardQueue(partOf(entity, shards));
}

/** All queues that usage may be on. One shard is `usage-events` itself; else it is there for producers that know of no shards. */
export function usageQueues(shards: number): readonly string[] {
  return shards === 1
    ? [USAGE_QUEUE]
    : [USAGE_QUEUE, ...Array.from({ length: shards }, (_, n) => shardQueue(n))];
}

/** Null for a queue that is no shard. */
export function shardOf(queue: string): number | null {
  const [, shard] = /^usage-events-(\d{1,2})$/.exec(queue) ?? [];
  return shard === undefined ? null : Number(shard);
}

function shardQueue(n: number): string {
  return `${USAGE_QUEUE}-${n}`;
}
