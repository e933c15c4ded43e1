import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import { connectRedis, untilReady } from '../../src/platform/redis.js';
import { UPKEEP_QUEUE } from '../../src/platform/queues.js';
import { SCHEDULES } from '../../src/jobs/schedules.js';
import { anApp, type TestApp } from '../support/app.js';
import { TestClock } from '../support/test-clock.js';
import { until } from '../support/until.js';

describe('the schedules of a worker', () => {
  const clock = new TestClock(new Date('2026-12-04T00:00:00Z'));
  let app: TestApp;
  let redis: ReturnType<typeof connectRedis>;
  let queue: Queue;
  beforeAll(async () => {
    app = await anApp({ role: 'worker', clock });
    redis = connectRedis(app.redis.url, 'queue');
    await untilReady(redis);
    queue = new Queue(UPKEEP_QUEUE, { connection: redis });
  });
  afterAll(async () => {
    await queue.close();
    redis.disconnect();
    await app.close();
  });

  const count = async (table: string): Promise<number> =>
    (await app.postgres.pool.query(`select from ${table}`)).rowCount ?? 0;

  it('include the close of periods, the pruning of identities, roll-ups by day and samples of outputs', async () => {
    const schedulers = await queue.getJobSchedulers();
    expect(Object.fromEntries(schedulers.map(({ key, pattern }) => [key, pattern]))).toMatchObject({
      'close-periods': '0 5 * * * *',
      'prune-identities': '0 20 4 * * *',
      'sample-outputs': '45 */5 * * * *',
      'roll-up-days': '40 * * * * *',
    });
  });

  it('all run: each finds its service', async () => {
    await queue.addBulk(Object.keys(SCHEDULES).map((name) => ({ name, data: {} })));
    await until('all jobs are done', async () => (await queue.getJobCountByTypes('waiting', 'active')) === 0);
    expect(await queue.getFailedCount()).toBe(0);
  });

  it('close a period once, however often the job runs at once', async () => {
    await app.postgres.pool.query(
      `insert into entities (name, plan, created_at) values ('entity1', 'free', '2026-11-22T00:00:00Z')`,
    );
    await queue.addBulk(Array.from({ length: 4 }, () => ({ name: 'close-periods', data: {} })));
    await until('the period is closed', async () => (await count('closed_periods')) > 0);
    await until('all jobs are done', async () => (await queue.getJobCountByTypes('waiting', 'active')) === 0);
    expect([await count('closed_periods'), await queue.getFailedCount()]).toEqual([1, 0]);
  });

  it('prune identities that are past their window', async () => {
    await app.postgres.pool.query(
      `insert into usage_identities select gen_random_uuid(), gen_random_uuid(), t, t
       from (values ('2026-10-01T00:00:00Z'::timestamptz), ('2026-12-03T00:00:00Z')) v (t)`,
    );
    await queue.add('prune-identities', {});
    await until('the old identity is gone', async () => (await count('usage_identities')) === 1);
    expect(await count('usage_identities')).toBe(1);
  });
});
