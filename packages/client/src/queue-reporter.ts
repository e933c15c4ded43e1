/** Reports usage over the queue, that is Tally's Redis: events survive an outage of Tally's API, its workers and its database. */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { openOutbox, type OutboxOptions, type UsageReporter } from './outbox/outbox.js';
import type { UsageEvent } from './protocol/usage-event.js';
import { USAGE_JOB, USAGE_JOB_OPTIONS, USAGE_QUEUE } from './protocol/usage-queue.js';

export interface QueueReporterOptions extends OutboxOptions {
  /** Tally's Redis, such as `redis://127.0.0.1:6379`. */
  redisUrl: string;
}

/** A Redis that does not answer for this long is treated as one that is down. */
const ANSWER_MS_MAX = 5000;

/**
 * Adds one job for each batch. Where Redis took a job and could not say so, it is added again: Tally counts its events once.
 * When the connection was down, what Redis had acknowledged just before is sent again too, since a crash may have lost it.
 * Rejects with `outbox_locked` while another process uses `options.directory`.
 */
export async function queueReporter(options: QueueReporterOptions): Promise<UsageReporter> {
  const { redisUrl, ...outboxOptions } = options;
  // Commands fail at once while Redis is down: events wait in the outbox, not in a queue of the Redis client.
  const redis = new Redis(redisUrl, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    socketTimeout: ANSWER_MS_MAX,
  });
  const queue = new Queue(USAGE_QUEUE, { connection: redis, defaultJobOptions: USAGE_JOB_OPTIONS });
  queue.on('error', (error) => options.onFailure?.(error));
  const deliver = async (events: readonly UsageEvent[]) => {
    await queue.add(USAGE_JOB, events.length === 1 ? events[0] : events);
    return [];
  };
  const disconnect = async () => {
    await queue.close();
    redis.disconnect();
  };
  try {
    const outbox = await openOutbox(deliver, outboxOptions);
    // The first connection, too: nothing has been delivered then.
    redis.on('ready', () => outbox.resendRecent());
    return {
      report: (event) => outbox.report(event),
      fillRatio: () => outbox.fillRatio(),
      close: async () => {
        await outbox.close();
        await disconnect();
      },
    };
  } catch (error) {
    await disconnect();
    throw error;
  }
}
