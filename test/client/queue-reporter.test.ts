/** Reporting over the queue, on a real Redis that also goes away. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { queueReporter } from '../../src/client/queue-reporter.js';
import { TallyClientError } from '../../src/client/tally-client-error.js';
import { usageEvent } from '../../src/client/usage-event.js';
import { aRedis, type TestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const event = (id: string) =>
  usageEvent({
    id,
    source: '/gateways/test-1',
    project: 'entity1/project1',
    time: new Date('2026-11-22T20:00:00Z'),
    model: 'm',
    operation: 'chat',
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  });

/** What became of a report, watched from the start so that its rejection is never unhandled. */
const codeOf = (report: Promise<void>): Promise<string> =>
  report.then(
    () => 'acknowledged',
    (error: unknown) => (error instanceof TallyClientError ? error.code : String(error)),
  );

let redis: TestRedis;

beforeEach(async () => {
  redis = await aRedis();
});

afterEach(async () => {
  await redis.stop();
});

/** The jobs that a worker would find. */
async function jobsWaiting() {
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  const queue = new Queue('usage-events', { connection });
  const jobs = await queue.getWaiting();
  await queue.close();
  connection.disconnect();
  return jobs.map(({ name, data, opts }) => ({ name, data: data as unknown, opts }));
}

describe('reporting over the queue', () => {
  it('adds a job named usage that will be tried for days and leaves nothing behind', async () => {
    const reporter = queueReporter({ redisUrl: redis.url });
    await reporter.report(event('a'));
    const [job] = await jobsWaiting();
    await reporter.close();
    expect(job).toMatchObject({ name: 'usage', data: event('a') });
    expect(job?.opts).toMatchObject({
      attempts: 100_000,
      backoff: { type: 'fixed' },
      removeOnComplete: true,
    });
  });

  it('puts what is reported together into one job', async () => {
    const reporter = queueReporter({ redisUrl: redis.url });
    await Promise.all(['a', 'b', 'c'].map((id) => reporter.report(event(id))));
    await reporter.close();
    expect((await jobsWaiting()).map(({ data }) => data)).toEqual([['a', 'b', 'c'].map(event)]);
  });

  it('keeps events while Redis is away, and delivers them when it is back', async () => {
    const failures: unknown[] = [];
    const reporter = queueReporter({
      redisUrl: redis.url,
      backoffMsMax: 50,
      onFailure: (error) => void failures.push(error),
    });
    await reporter.report(event('before'));
    await redis.kill();
    const report = reporter.report(event('during'));
    await until('a delivery fails', () => failures.length > 0);
    await redis.restart();
    await report;
    await reporter.close();
    expect((await jobsWaiting()).map(({ data }) => data)).toContainEqual(event('during'));
  });

  it('gives up in time when Redis does not come back', async () => {
    const reporter = queueReporter({ redisUrl: redis.url, closeMs: 50 });
    await reporter.report(event('before'));
    await redis.kill();
    const report = codeOf(reporter.report(event('during')));
    await reporter.close();
    expect(await report).toBe('outbox_closed');
  });

  it('waits for a Redis that starts later than the gateway', async () => {
    await redis.kill();
    const reporter = queueReporter({ redisUrl: redis.url, backoffMsMax: 50 });
    const report = reporter.report(event('early'));
    await redis.restart();
    await report;
    await reporter.close();
    expect((await jobsWaiting()).map(({ data }) => data)).toEqual([event('early')]);
  });
});
