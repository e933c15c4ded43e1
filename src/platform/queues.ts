/** The queues' names and the producer's side of `usage-events`. */
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';

export const USAGE_QUEUE = 'usage-events';
export const USAGE_JOB = 'usage';
export const UPKEEP_QUEUE = 'upkeep';

/** How many events one job carries at most. */
export const JOB_EVENTS_MAX = 1_000;

/** The worker puts a job back by itself when it cannot write. For one that throws all the same: about six days of tries. */
const JOB_OPTIONS = {
  attempts: 100_000,
  backoff: { type: 'fixed', delay: 5_000, jitter: 0.5 },
  removeOnComplete: true,
} as const;

/** BullMQ's event stream is for people who watch; it must not eat the memory that jobs need. */
const STREAM_EVENTS_MAX = 1_000;

export class UsageQueue {
  readonly queue: Queue;

  constructor(connection: Redis) {
    this.queue = new Queue(USAGE_QUEUE, {
      connection,
      defaultJobOptions: JOB_OPTIONS,
      streams: { events: { maxLen: STREAM_EVENTS_MAX } },
    });
    // Every command's own failure reaches its caller; this one would only end the process.
    this.queue.on('error', () => {});
  }

  /** Resolves when Redis has the events, as one job. */
  async add(events: readonly unknown[]): Promise<void> {
    if (events.length > 0) await this.queue.add(USAGE_JOB, events);
  }

  async close(): Promise<void> {
    await this.queue.close();
  }
}
