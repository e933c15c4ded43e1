/** What waits of one key, told by the queue itself. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { BACKLOG_MAX, KeyBacklog, unitsOf } from '../../src/metering/key-backlog.js';
import { Clock } from '../../src/platform/clock.js';
import { UsageQueue } from '../../src/platform/queues.js';
import { RedisNodes } from '../../src/platform/redis-nodes.js';
import { connectRedis, untilReady } from '../support/redis-connection.js';
import { aRedis, type TestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

let server: TestRedis;
let redis: Redis;
let queue: UsageQueue;
let backlog: KeyBacklog;

beforeEach(async () => {
  server = await aRedis();
  redis = connectRedis(server.url, 'impatient');
  await untilReady(redis);
  queue = new UsageQueue(new RedisNodes(redis), new Clock());
  backlog = new KeyBacklog(queue);
});

afterEach(async () => {
  await queue.close();
  redis.disconnect();
  await server.stop();
});

/** As the door does. Returns the job. */
async function report(keyId: string, units: number): Promise<string> {
  await backlog.enter(keyId, units);
  const job = await queue.add([{ keyId }]);
  backlog.isIn(job, keyId, units);
  return job;
}

const isRefused = (keyId: string, units = 1) =>
  backlog.enter(keyId, units).then(
    () => false,
    (error: { code?: string }) => error.code === 'rate_limit_exceeded',
  );

describe('the backlog of a key', () => {
  it('is bounded, and that of another key is not touched by it', async () => {
    await report('flood', BACKLOG_MAX - 1);
    await report('flood', 1);
    expect([await isRefused('flood'), await isRefused('other', BACKLOG_MAX)]).toEqual([true, false]);
  });

  it('shrinks when jobs are done, in whatever order', async () => {
    const jobs = [];
    for (let index = 0; index < 4; index += 1) jobs.push(await report('k', BACKLOG_MAX / 4));
    expect(await isRefused('k')).toBe(true);
    await redis.del(jobs[2]!);
    await until('there is room', async () => !(await isRefused('k', BACKLOG_MAX / 4)));
    expect(await isRefused('k')).toBe(true);
    await redis.del(jobs[0]!, jobs[1]!, jobs[3]!);
    await until('there is room', async () => !(await isRefused('k', (BACKLOG_MAX / 4) * 3)));
    expect(await isRefused('k')).toBe(true);
  });

  it('is one of each key, also where they share a job', async () => {
    await backlog.enter('a', BACKLOG_MAX);
    await backlog.enter('b', BACKLOG_MAX - 1);
    const job = await queue.add([{}]);
    backlog.isIn(job, 'a', BACKLOG_MAX);
    backlog.isIn(job, 'b', BACKLOG_MAX - 1);
    expect([await isRefused('a'), await isRefused('b')]).toEqual([true, false]);
  });

  it('does not hold what Redis never took', async () => {
    await backlog.enter('k', BACKLOG_MAX);
    expect(await isRefused('k')).toBe(true);
    backlog.leave('k', BACKLOG_MAX);
    expect(await isRefused('k')).toBe(false);
  });

  it('forgets jobs that are done without any key near its bound', async () => {
    for (let index = 0; index < 1_000; index += 1) {
      await backlog.enter('k', 1);
      backlog.isIn(`bull:usage-events:${index}`, 'k', 1);
    }
    await until('all are forgotten', () => backlog.waiting('k') === 0);
  });

  it('counts a large event as several, so that bytes are bounded too', () => {
    expect(unitsOf({ count: 1, bytes: 500 })).toBe(1);
    expect(unitsOf({ count: 10, bytes: 4_000 })).toBe(10);
    expect(unitsOf({ count: 1, bytes: 4 * 1024 * 1024 })).toBe(4_096);
  });
});
