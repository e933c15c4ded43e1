/** Gathering usage into jobs, over a Redis of the test's own. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { EventGatherer } from '../../src/metering/event-gatherer.js';
import { Clock } from '../../src/platform/clock.js';
import { UsageQueue } from '../../src/platform/queues.js';
import { RedisNodes } from '../../src/platform/redis-nodes.js';
import { connectRedis, untilReady } from '../support/redis-connection.js';
import { aRedis, type TestRedis } from '../support/redis.js';

let server: TestRedis;
let redis: Redis;
let usage: UsageQueue;
let gatherer: EventGatherer;

beforeEach(async () => {
  server = await aRedis();
  redis = connectRedis(server.url, 'impatient');
  await untilReady(redis);
  usage = new UsageQueue(new RedisNodes(redis), new Clock());
  gatherer = new EventGatherer(usage);
});

afterEach(async () => {
  await usage.close();
  redis.disconnect();
  await server.stop();
});

const events = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: from + index }));
const add = (from: number, { count = 1, bytes = 1, queue = 'usage-events' } = {}) =>
  gatherer.add(queue, { events: events(from, count), bytes });

async function jobsOf(name: string): Promise<unknown[]> {
  const connection = connectRedis(server.url, 'patient');
  const queue = new Queue(name, { connection });
  const jobs = await queue.getWaiting();
  await queue.close();
  connection.disconnect();
  return jobs.map(({ data }) => data as unknown);
}

describe('usage that arrives together', () => {
  it('becomes one job, and each caller is told which', async () => {
    const jobs = await Promise.all([add(0), add(1, { count: 2 }), add(3)]);
    expect(new Set(jobs).size).toBe(1);
    expect(await jobsOf('usage-events')).toEqual([events(0, 4)]);
    expect(await usage.existing([jobs[0], 'bull:usage-events:none'])).toEqual([jobs[0]]);
  });

  it('becomes a job of each queue that it is for', async () => {
    await Promise.all([add(0, { queue: 'usage-events-0' }), add(1, { queue: 'usage-events-1' })]);
    expect(await jobsOf('usage-events-0')).toEqual([events(0, 1)]);
    expect(await jobsOf('usage-events-1')).toEqual([events(1, 1)]);
  });

  it('is sent as soon as it is worth a job, and what comes after is another', async () => {
    await Promise.all(Array.from({ length: 40 }, (_, index) => add(index)));
    await Promise.all([add(40), add(41, { count: 400 })]);
    const sizes = (await jobsOf('usage-events')).map((job) => (job as unknown[]).length);
    expect(sizes.sort((a, b) => a - b)).toEqual([8, 32, 401]);
  });

  it('becomes no larger job than 500 events or a MiB, unless one report alone is larger', async () => {
    await Promise.all([
      add(0, { count: 400 }),
      add(400),
      add(401, { count: 500 }),
      add(901, { count: 1_000 }),
      add(1_901),
    ]);
    await Promise.all([add(2_000, { bytes: 600_000 }), add(2_001, { bytes: 600_000 })]);
    const sizes = (await jobsOf('usage-events')).map((job) => (job as unknown[]).length);
    expect(sizes.sort((a, b) => a - b)).toEqual([1, 1, 1, 1, 400, 500, 1_000]);
  });

  it('fails for exactly those whose job Redis did not take', async () => {
    const taken = add(0);
    await taken;
    await server.kill();
    const failed = await Promise.allSettled([add(1), add(2)]);
    expect(failed.map((each) => each.status === 'rejected' && (each.reason as Error).name)).toEqual([
      'Unavailable',
      'Unavailable',
    ]);
    await server.restart();
    await untilReady(redis);
    await add(3);
    expect(await jobsOf('usage-events')).toEqual(expect.arrayContaining([events(3, 1)]));
  });

  it('is refused where more of it waits for Redis than memory is set aside for, and taken again afterwards', async () => {
    const half = 32 * 1024 * 1024;
    const held = [add(0, { bytes: half }), add(1, { bytes: half })];
    await expect(add(2)).rejects.toMatchObject({ code: 'overloaded' });
    await Promise.all(held);
    await add(3);
  });
});
