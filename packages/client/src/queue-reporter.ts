/** Reports usage over the queue: events outlive an outage of Tally's workers and of its database. */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { openOutbox, type OutboxOptions, type UsageReporter } from './outbox.js';
import type { UsageEvent } from './protocol/usage-event.js';
import { USAGE_JOB, USAGE_JOB_OPTIONS, USAGE_QUEUE } from './protocol/usage-queue.js';

/** A Redis that stays silent for this long is treated as one that is gone. */
const ANSWER_MS_MAX = 5000;

export interface QueueReporterOptions extends OutboxOptions {
  redisUrl: string;
}

/**
 * One job a batch. A job that was added although Redis could not say so is added again: Tally counts its events once.
 * When Redis was away, what it had acknowledged just before is sent again, too: it may have lost that.
 */
export async function queueReporter(options: QueueReporterOptions): Promise<UsageReporter> {
  const { redisUrl, ...outboxOptions } = options;
  // Without a queue of its own the client fails at once when Redis is away: the outbox is the only place where events wait.
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
    // Before the first connection there is nothing to recall.
    redis.on('ready', () => outbox.recall());
    return {
      report: (event) => outbox.report(event),
      fill: () => outbox.fill(),
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
