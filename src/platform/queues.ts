/** The names of the upkeep queues, and the producer's side of `usage-events`. */
import { USAGE_JOB, USAGE_JOB_OPTIONS, USAGE_QUEUE } from '@tally/client/protocol';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { askRedis } from './redis-errors.js';

/** One for each lane. */
export const UPKEEP_QUEUES = {
  money: 'upkeep-money',
  slow: 'upkeep-slow',
  outbound: 'upkeep-outbound',
} as const;

/** BullMQ's event stream is for people who watch; it must not eat the memory that jobs need. */
const STREAM_EVENTS_MAX = 1_000;

export class UsageQueue {
  readonly queue: Queue;

  constructor(connection: Redis) {
    this.queue = new Queue(USAGE_QUEUE, {
      connection,
      defaultJobOptions: USAGE_JOB_OPTIONS,
      streams: { events: { maxLen: STREAM_EVENTS_MAX } },
    });
    // Every command's own failure reaches its caller; this one would only end the process.
    this.queue.on('error', () => {});
  }

  /** Resolves when Redis has the events, as one job. Throws Unavailable. */
  async add(events: readonly unknown[]): Promise<void> {
    if (events.length > 0) await askRedis(this.queue.add(USAGE_JOB, events));
  }

  async close(): Promise<void> {
    await this.queue.close();
  }
}
