/** Reports usage over the queue, that is Tally's Redis: events survive an outage of Tally's API, its workers and its database. */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { openOutbox, type OutboxOptions, type UsageReporter } from './outbox/outbox.js';
import type { UsageEvent } from './protocol/usage-event.js';
import { entityOf } from './protocol/names.js';
import { USAGE_JOB, USAGE_JOB_OPTIONS, USAGE_SHARDS_MAX, usageQueueOf } from './protocol/usage-queue.js';

export interface QueueReporterOptions extends OutboxOptions {
  /** Tally's Redis, such as `redis://127.0.0.1:6379`. */
  redisUrl: string;
  /**
   * Tally's `QUEUE_SHARDS`: how many queues usage is spread over, 1 to 64. 1 when left out, which is right too where Tally has more,
   * but then its workers share one queue for what this reporter sends.
   */
  shards?: number;
}

/** A Redis that does not answer for this long is treated as one that is down. */
const ANSWER_MS_MAX = 5000;

/**
 * Adds one job for each batch, or one for each queue of its entities. Where Redis took a job and could not say so, it is added again:
 * Tally counts its events once.
 * When the connection was down, what Redis had acknowledged just before is sent again too, since a crash may have lost it.
 * Rejects with `outbox_locked` while another process uses `options.directory`.
 */
export async function queueReporter(options: QueueReporterOptions): Promise<UsageReporter> {
  const { redisUrl, shards = 1, ...outboxOptions } = options;
  if (!Number.isInteger(shards) || shards < 1 || shards > USAGE_SHARDS_MAX) {
    throw new RangeError(`shards must be a whole number from 1 to ${USAGE_SHARDS_MAX}`);
  }
  // Commands fail at once while Redis is down: events wait in the outbox, not in a queue of the Redis client.
  const redis = new Redis(redisUrl, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    socketTimeout: ANSWER_MS_MAX,
  });
  redis.on('error', (error) => options.onFailure?.(error));
  const queues = new Map<string, Queue>();
  const queueNamed = (name: string): Queue => {
    let queue = queues.get(name);
    if (queue === undefined) {
      queue = new Queue(name, { connection: redis, defaultJobOptions: USAGE_JOB_OPTIONS });
      // The connection has told of it, and the failure of a command reaches its caller.
      queue.on('error', () => {});
      // One that the connection left while it was made would fail for ever.
      queue.waitUntilReady().catch(() => queues.delete(name));
      queues.set(name, queue);
    }
    return queue;
  };
  const deliver = async (events: readonly UsageEvent[]) => {
    // Where one of them fails, all events are sent again: Tally counts the others once.
    await Promise.all(
      [...byQueue(events, shards)].map(([name, some]) =>
        queueNamed(name).add(USAGE_JOB, some.length === 1 ? some[0] : some),
      ),
    );
    return [];
  };
  const disconnect = async () => {
    await Promise.all([...queues.values()].map((queue) => queue.close()));
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

function byQueue(events: readonly UsageEvent[], shards: number): Map<string, UsageEvent[]> {
  const parts = new Map<string, UsageEvent[]>();
  for (const event of events) {
    const name = usageQueueOf(entityOf(event.subject), shards);
    const part = parts.get(name);
    if (part === undefined) parts.set(name, [event]);
    else part.push(event);
  }
  return parts;
}
