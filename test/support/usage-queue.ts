/** The producer's end of the usage queue, and what a test does to the queue itself. */
import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { USAGE_JOB, USAGE_QUEUE, usageQueues } from '@tally/client/protocol';
import { connectRedis } from './redis-connection.js';
import { until } from './until.js';

export type TestQueue = {
  readonly redis: Redis;
  readonly queue: Queue;
  /** One job for each: an event, an array of events, or whatever a broken producer sends. */
  add(bodies: readonly unknown[], name?: string): Promise<void>;
  /** Jobs that are not done: waiting, at work, or put back for later. */
  openCount(): Promise<number>;
  /** Ends the locks of all jobs at work, as time would after their workers died, and hands the jobs out again. */
  stall(): Promise<void>;
  /** Waits until nothing is left to do, but neither for the delay of a retry nor for the locks of the dead. */
  drained(secondsMax?: number): Promise<void>;
  close(): Promise<void>;
};

/** How long nothing may get done before somebody is taken for dead; twice as long each time, since he may just be slow. */
const IDLE_MS_MAX = 2_000;

/**
 * Where no worker `mayDie`, a slow one is never taken for dead, and every job runs once. `nowMs` is the producers' clock, which says when a
 * job was added.
 */
export async function aTestQueue(
  redisUrl: string,
  { name = USAGE_QUEUE, mayDie = true, nowMs = Date.now } = {},
): Promise<TestQueue> {
  const redis = connectRedis(redisUrl, 'patient');
  const queue = new Queue(name, { connection: redis });
  // It never takes a job; it only looks for stalled ones.
  const watch = new Worker(name, null, { connection: redis, autorun: false, maxStalledCount: 1_000_000 });
  queue.on('error', () => {});
  watch.on('error', () => {});
  const openCount = () => queue.getJobCountByTypes('wait', 'prioritized', 'active', 'delayed');
  const stall = async () => {
    const [active, locks] = await Promise.all([
      redis.lrange(queue.toKey('active'), 0, -1),
      keysLike(redis, `${queue.toKey('')}*:lock`),
    ]);
    if (locks.length > 0) await redis.del(...locks);
    if (active.length > 0) await redis.sadd(queue.toKey('stalled'), ...active);
    await redis.del(queue.toKey('stalled-check'));
    await watch.getBackend().moveStalledJobsToWait();
    // A worker that stands still may have swallowed the one sign that there is work.
    await redis.zadd(queue.toKey('marker'), 0, '0');
  };
  return {
    redis,
    queue,
    openCount,
    stall,
    async add(bodies, jobName = USAGE_JOB) {
      const retries = { attempts: 1_000, backoff: { type: 'fixed', delay: 500 } };
      const opts = { ...retries, removeOnComplete: true, timestamp: nowMs() };
      await queue.addBulk(bodies.map((data) => ({ name: jobName, data, opts })));
    },
    async drained(secondsMax = 180) {
      let [before, since, idleMsMax] = [-1, performance.now(), IDLE_MS_MAX];
      await until(
        'the queue is drained',
        async () => {
          await queue.promoteJobs();
          const count = await openCount();
          if (count !== before) [before, since] = [count, performance.now()];
          // What a dying worker asked for may have been answered after its death.
          if (mayDie && performance.now() - since > idleMsMax) {
            since = performance.now();
            idleMsMax *= 2;
            await stall();
          }
          return count === 0;
        },
        secondsMax,
      );
    },
    async close() {
      await watch.close();
      await queue.close();
      redis.disconnect();
    },
  };
}

export type ShardedQueue = TestQueue & {
  /** For producers that know of the shards: one queue each, none where usage has one queue only. */
  readonly shards: readonly TestQueue[];
};

/** All queues of usage as one: it adds to `usage-events`, which producers know that know of no shards. */
export async function aShardedQueue(redisUrl: string, shardCount: number): Promise<ShardedQueue> {
  const names = usageQueues(shardCount);
  const all = await Promise.all(names.map((name) => aTestQueue(redisUrl, { name })));
  const [first, ...shards] = all as [TestQueue, ...TestQueue[]];
  return {
    ...first,
    shards,
    async openCount() {
      const counts = await Promise.all(all.map((queue) => queue.openCount()));
      return counts.reduce((sum, count) => sum + count, 0);
    },
    async stall() {
      await Promise.all(all.map((queue) => queue.stall()));
    },
    async drained(secondsMax) {
      await Promise.all(all.map((queue) => queue.drained(secondsMax)));
    },
    async close() {
      await Promise.all(all.map((queue) => queue.close()));
    },
  };
}

async function keysLike(redis: Redis, pattern: string): Promise<string[]> {
  const keys: string[] = [];
  for (let cursor = '0', more = true; more; more = cursor !== '0') {
    const [next, found] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000);
    keys.push(...found);
    cursor = next;
  }
  return keys;
}
