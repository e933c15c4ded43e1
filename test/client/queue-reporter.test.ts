/** Reporting over the queue, on a real Redis that is sometimes down. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { queueReporter } from '../../packages/client/src/queue-reporter.js';
import { TallyClientError } from '../../packages/client/src/tally-client-error.js';
import { usageQueueOf } from '../../packages/client/src/protocol/usage-queue.js';
import type { UsageEvent } from '../../packages/client/src/protocol/usage-event.js';
import { aRedis, type TestRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { aUsageEvent } from '../support/usage-event.js';

const event = (id: string) => aUsageEvent({ id });
const idOf = (data: unknown) => (data as UsageEvent).id;

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
async function jobsWaiting(name = 'usage-events') {
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  const queue = new Queue(name, { connection });
  const jobs = await queue.getWaiting();
  await queue.close();
  connection.disconnect();
  return jobs.map(({ name, data, opts }) => ({ name, data: data as unknown, opts }));
}

describe('reporting over the queue', () => {
  it('adds a job named usage that is retried for days and leaves nothing behind', async () => {
    const reporter = await queueReporter({ redisUrl: redis.url });
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
    const reporter = await queueReporter({ redisUrl: redis.url });
    await Promise.all(['a', 'b', 'c'].map((id) => reporter.report(event(id))));
    await reporter.close();
    expect((await jobsWaiting()).map(({ data }) => data)).toEqual([['a', 'b', 'c'].map(event)]);
  });

  it('puts an entity into its own queue where usage is spread, and all of a batch into one job of it', async () => {
    const of = (id: string, entity: string) => aUsageEvent({ id, project: `${entity}/p` });
    const events = [of('a', 'entity1'), of('b', 'entity2'), of('c', 'entity1')];
    const reporter = await queueReporter({ redisUrl: redis.url, shards: 4 });
    await Promise.all(events.map((each) => reporter.report(each)));
    await reporter.close();
    const [first, second] = [usageQueueOf('entity1', 4), usageQueueOf('entity2', 4)];
    expect((await jobsWaiting(first)).map(({ data }) => data)).toEqual([[events[0], events[2]]]);
    expect((await jobsWaiting(second)).map(({ data }) => data)).toEqual([events[1]]);
    expect(await jobsWaiting()).toEqual([]);
    await expect(queueReporter({ redisUrl: redis.url, shards: 65 })).rejects.toThrow('from 1 to 64');
  });

  it('keeps events while Redis is down, and delivers them when it is up again', async () => {
    const failures: unknown[] = [];
    const reporter = await queueReporter({
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

  it('gives up in time when Redis stays down', async () => {
    const reporter = await queueReporter({ redisUrl: redis.url, closeMs: 50 });
    await reporter.report(event('before'));
    await redis.kill();
    const report = codeOf(reporter.report(event('during')));
    await reporter.close();
    expect(await report).toBe('outbox_closed');
  });

  it('waits for a Redis that starts later than the gateway', async () => {
    await redis.kill();
    const reporter = await queueReporter({ redisUrl: redis.url, backoffMsMax: 50 });
    const report = reporter.report(event('early'));
    await redis.restart();
    await report;
    await reporter.close();
    expect((await jobsWaiting()).map(({ data }) => data)).toEqual([event('early')]);
  });

  it('sends again what Redis acknowledged just before it crashed, since it may have lost that', async () => {
    const reporter = await queueReporter({ redisUrl: redis.url, backoffMsMax: 50 });
    await reporter.report(event('a'));
    await reporter.report(event('b'));
    await redis.kill();
    await redis.wipe();
    await redis.restart();
    await until('both are back', async () => (await jobsWaiting()).length > 0);
    await reporter.close();
    expect((await jobsWaiting()).map(({ data }) => data)).toEqual([[event('a'), event('b')]]);
  });

  it('keeps a burst on disk while Redis is down, resolves its reports at once, and delivers it when Redis is up again', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tally-outbox-'));
    const reporter = await queueReporter({
      redisUrl: redis.url,
      directory,
      backoffMsMax: 50,
      closeMs: 60_000,
    });
    await reporter.report(event('before'));
    await redis.kill();
    const ids = Array.from({ length: 2000 }, (_, index) => `burst-${index}`);
    await Promise.all(ids.map((id) => reporter.report(event(id))));
    await redis.restart();
    await reporter.close();
    const delivered = new Set((await jobsWaiting()).flatMap(({ data }) => data).map(idOf));
    expect(delivered).toEqual(new Set(['before', ...ids]));
    await rm(directory, { recursive: true });
  });
});
