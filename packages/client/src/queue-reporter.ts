/** Reports usage over the queue, that is Tally's Redis: events survive an outage of Tally's API, its workers and its database. */
import { Queue } from 'bullmq';
import { openOutbox, type OutboxOptions, type UsageReporter } from './outbox/outbox.js';
import type { UsageEvent } from './protocol/usage-event.js';
import { entityOf } from './protocol/names.js';
import { redisAddressOf } from './protocol/redis-address.js';
import { queuePrefixOf } from './protocol/redis-prefix.js';
import { USAGE_JOB, USAGE_JOB_OPTIONS, USAGE_SHARDS_MAX, usageQueueOf } from './protocol/usage-queue.js';
import { onServerChange, openRedis } from './redis.js';

export interface QueueReporterOptions extends OutboxOptions {
  /**
   * The Redis of Tally's queue, that is its `QUEUE_REDIS_URL` or `REDIS_URL`, in any form that Tally takes: `redis://127.0.0.1:6379`,
   * `rediss://`, `unix:///path`, `redis+sentinel://h1:26379,h2:26379/mymaster` or `redis+cluster://h1:7000,h2:7001`.
   */
  redisUrl: string;
  /** Tally's `REDIS_PREFIX`, where it has one. */
  prefix?: string | null | undefined;
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
 * Rejects with `outbox_locked` while another process uses `options.directory`, and with a RedisAddressError for a URL that is none.
 */
export async function queueReporter(options: QueueReporterOptions): Promise<UsageReporter> {
  const { redisUrl, prefix = null, shards = 1, ...outboxOptions } = options;
  if (!Number.isInteger(shards) || shards < 1 || shards > USAGE_SHARDS_MAX) {
    throw new RangeError(`shards must be a whole number from 1 to ${USAGE_SHARDS_MAX}`);
  }
  // Commands fail at once while Redis is down: events wait in the outbox, not in a queue of the Redis client.
  const address = redisAddressOf(redisUrl);
  const names = { prefix, isCluster: address.kind === 'cluster' };
  const redis = openRedis(address, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    socketTimeout: ANSWER_MS_MAX,
  });
  redis.on('error', (error) => options.onFailure?.(error));
  const queues = new Map<string, Queue>();
  const queueNamed = (name: string): Queue => {
    let queue = queues.get(name);
    if (queue === undefined) {
      queue = new Queue(name, {
        connection: redis,
        prefix: queuePrefixOf(name, names),
        defaultJobOptions: USAGE_JOB_OPTIONS,
      });
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
    onServerChange(redis, () => outbox.resendRecent());
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
