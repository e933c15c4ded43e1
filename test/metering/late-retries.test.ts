/** What a worker puts back while its machine's clock is ahead. */
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { Job, Worker } from 'bullmq';
import { USAGE_JOB } from '@tally/client/protocol';
import { RETRY_MS_MAX, retryLater } from '../../src/metering/job-retry.js';
import { handOutLate } from '../../src/metering/late-retries.js';
import { anApp } from '../support/app.js';
import { anEventBody } from '../support/builders.js';
import { aRedis, type TestRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { aTestQueue, type TestQueue } from '../support/usage-queue.js';

const HOUR_MS = 3_600_000;

let redis: TestRedis;
let usage: TestQueue;
beforeAll(async () => {
  redis = await aRedis();
  usage = await aTestQueue(redis.url);
});
afterAll(async () => {
  await usage.close();
  await redis.stop();
});

/** Adds a job that a worker takes and puts back until then, as one does whose clock is ahead. */
async function putBack(queue: TestQueue, id: string, { body = {}, atMs }: { body?: object; atMs: number }) {
  await queue.queue.add(USAGE_JOB, body, { jobId: id, priority: 1 });
  const connection = queue.redis.duplicate({ maxRetriesPerRequest: null });
  const worker = new Worker(queue.queue.name, (job, token) => retryLater(job, { atMs, token }), {
    connection,
  });
  await until(`${id} is put back`, async () => (await queue.queue.getJobState(id)) === 'delayed');
  await worker.close();
  connection.disconnect();
}

it('is handed out again once it waits for longer than any retry, and a delay of the producer stays', async () => {
  const nowMs = Date.now();
  await putBack(usage, 'late', { atMs: nowMs + HOUR_MS });
  await putBack(usage, 'in-time', { atMs: nowMs + RETRY_MS_MAX });
  await usage.queue.add(USAGE_JOB, {}, { jobId: 'asked-for', delay: 2 * HOUR_MS });
  const states = () => Promise.all(['late', 'in-time', 'asked-for'].map((id) => usage.queue.getJobState(id)));
  // By a clock that is as far ahead nothing is late.
  expect(await handOutLate(usage.queue, nowMs + HOUR_MS)).toBe(0);
  expect(await states()).toEqual(['delayed', 'delayed', 'delayed']);
  expect(await handOutLate(usage.queue, nowMs)).toBe(1);
  expect(await states()).toEqual(['prioritized', 'delayed', 'delayed']);
  expect(await handOutLate(usage.queue, nowMs)).toBe(0);
});

it('is found behind any number of jobs that a producer delayed, of which no body is read', async () => {
  const own = await aRedis();
  const queue = await aTestQueue(own.url);
  const read = jest.spyOn(Job, 'fromId');
  try {
    const nowMs = Date.now();
    const delayed = Array.from({ length: 1_100 }, (_, n) => ({
      name: USAGE_JOB,
      data: {},
      opts: { jobId: `delayed-${n}`, delay: HOUR_MS },
    }));
    await queue.queue.addBulk(delayed);
    await putBack(queue, 'behind', { atMs: nowMs + 3 * HOUR_MS });
    expect(await handOutLate(queue.queue, nowMs)).toBe(1);
    expect(await queue.queue.getJobState('behind')).toBe('prioritized');
    expect(await queue.queue.getDelayedCount()).toBe(1_100);
    expect(read.mock.calls.map(([, id]) => id)).toEqual(['behind']);
  } finally {
    read.mockRestore();
    await queue.close();
    await own.stop();
  }
});

it('is counted by the others', async () => {
  const app = await anApp({ role: 'all' });
  const queue = await aTestQueue(app.redis.url);
  try {
    const body = anEventBody({ subject: 'late/p' });
    await queue.queue.add(USAGE_JOB, body, { jobId: 'late', delay: HOUR_MS });
    await queue.redis.hset(queue.queue.toKey('late'), { ats: 1 });
    await until('it is counted', async () => {
      const { rowCount } = await app.postgres.pool.query(`select from usage_events where entity = 'late'`);
      return rowCount === 1;
    });
  } finally {
    await queue.close();
    await app.close();
  }
});
