import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { connectRedis, untilReady } from '../support/redis-connection.js';
import { UPKEEP_QUEUES } from '../../src/platform/queues.js';
import { rangeAt } from '../../src/metering/identity-pruning.js';
import { SCHEDULES } from '../../src/upkeep/schedules.js';
import { anApp, type TestApp } from '../support/app.js';
import { TestClock } from '../support/test-clock.js';
import { until } from '../support/until.js';

type LaneName = keyof typeof SCHEDULES;
const LANES = Object.keys(SCHEDULES) as LaneName[];

let app: TestApp;
let redis: Redis;
let queues: Record<LaneName, Queue>;
beforeAll(async () => {
  app = await anApp({ role: 'worker', clock: new TestClock(new Date('2026-12-04T00:00:00Z')) });
  redis = connectRedis(app.redis.url, 'patient');
  await untilReady(redis);
  const queueOf = (lane: LaneName) => new Queue(UPKEEP_QUEUES[lane], { connection: redis });
  queues = {
    money: queueOf('money'),
    slow: queueOf('slow'),
    months: queueOf('months'),
    outbound: queueOf('outbound'),
  };
});
afterAll(async () => {
  for (const queue of Object.values(queues)) await queue.close();
  redis.disconnect();
  await app.close();
});

const rowsOf = async (from: string): Promise<number> =>
  (await app.postgres.pool.query(`select from ${from}`)).rowCount ?? 0;
const runs = async (lane: LaneName, names: readonly string[]): Promise<void> => {
  await queues[lane].addBulk(names.map((name) => ({ name, data: {} })));
};
const isDone = async (lane: LaneName) => (await queues[lane].getJobCountByTypes('waiting', 'active')) === 0;
const anEntity = async (name: string): Promise<void> => {
  await app.postgres.pool.query(
    `insert into entities (name, plan, created_at) values ($1, 'free', '2026-11-22T00:00:00Z')`,
    [name],
  );
};
const anExpiredGrant = async (entity: string): Promise<void> => {
  await anEntity(entity);
  await app.postgres.pool.query(
    `insert into credit_grants (entity, id, lot, category, priority, amount_picos, remaining_picos, effective_at, expires_at, created_at)
     values ($1, 'grant_' || $1, 1, 'paid', 50, 5, 5, '2026-11-01', '2026-12-01', '2026-11-01')`,
    [entity],
  );
};
const isExpired = async (entity: string) =>
  (await rowsOf(`credit_grants where entity = '${entity}' and remaining_picos = 0`)) === 1;
/** Holds what a statement locks until it is let go. */
const hold = async (sql: string): Promise<() => Promise<void>> => {
  const client = await app.postgres.pool.connect();
  await client.query('begin');
  await client.query(sql);
  return async () => {
    await client.query('rollback');
    client.release();
  };
};

describe('the schedules of a worker', () => {
  it('include the close of periods, the pruning of identities, roll-ups by day and samples of outputs', async () => {
    const schedulers = (await Promise.all(LANES.map((lane) => queues[lane].getJobSchedulers()))).flat();
    expect(Object.fromEntries(schedulers.map(({ key, pattern }) => [key, pattern]))).toMatchObject({
      'close-periods': '0 5 * * * *',
      'prune-identities': '0 20 * * * *',
      'sample-outputs': '45 */5 * * * *',
      'roll-up-days': '40 * * * * *',
    });
  });

  it('all run: each finds its service', async () => {
    for (const lane of LANES) await runs(lane, Object.keys(SCHEDULES[lane]));
    for (const lane of LANES) {
      await until(`all jobs of the lane ${lane} are done`, () => isDone(lane));
      expect(await queues[lane].getFailedCount()).toBe(0);
    }
  });

  it('return to their times after a worker whose clock was ahead has put them off', async () => {
    const { pattern } = SCHEDULES.money['expire-grants'];
    const startDate = Date.now() + 40 * 24 * 3_600_000;
    await queues.money.upsertJobScheduler('expire-grants', { pattern, tz: 'UTC', startDate });
    const nextMs = async () => (await queues.money.getJobScheduler('expire-grants'))?.next ?? Infinity;
    expect(await nextMs()).toBeGreaterThanOrEqual(startDate);
    await until('it is due soon', async () => (await nextMs()) <= Date.now() + 60_000);
    expect(await queues.money.getJobSchedulersCount()).toBe(Object.keys(SCHEDULES.money).length);
  });

  it('close a period once, however often the job runs at once', async () => {
    await anEntity('entity1');
    await runs(
      'money',
      Array.from({ length: 4 }, () => 'close-periods'),
    );
    await until('the period is closed', async () => (await rowsOf('closed_periods')) > 0);
    await until('all jobs are done', () => isDone('money'));
    expect([await rowsOf('closed_periods'), await queues.money.getFailedCount()]).toEqual([1, 0]);
  });

  it('prune identities that are past their window', async () => {
    await app.postgres.pool.query(
      `insert into usage_identities select ($1::text || substr(gen_random_uuid()::text, 5))::uuid, t
       from (values ('2026-10-01T00:00:00Z'::timestamptz), ('2026-12-03T00:00:00Z')) v (t)`,
      [rangeAt(app.clock.now()).from.toString(16).padStart(4, '0')],
    );
    await runs('slow', ['prune-identities']);
    await until('the old identity is gone', async () => (await rowsOf('usage_identities')) === 1);
    expect(await rowsOf('usage_identities')).toBe(1);
  });
});

describe('a schedule that takes long', () => {
  it('delays neither another lane nor the others of its own, and however often it is due, it runs once', async () => {
    const letGo = await hold('lock table usage_identities in access exclusive mode');
    try {
      await runs(
        'slow',
        Array.from({ length: 20 }, () => 'prune-identities'),
      );
      await until(
        'one run is left',
        async () => (await queues.slow.getJobCountByTypes('waiting', 'active')) === 1,
      );
      await anExpiredGrant('beside-a-slow-schedule');
      await runs('money', ['expire-grants']);
      await until('the grant has expired', () => isExpired('beside-a-slow-schedule'));
      const sampled = () => app.postgres.pool.query('delete from output_sampling');
      await sampled();
      await runs('slow', ['sample-outputs']);
      await until('outputs are sampled', async () => (await rowsOf('output_sampling')) === 1);
      expect(await queues.slow.getActiveCount()).toBe(1);
    } finally {
      await letGo();
    }
    await until('it is done', () => isDone('slow'));
    expect(await queues.slow.getFailedCount()).toBe(0);
  });
});

describe('an entity that is locked', () => {
  it('keeps neither the others from theirs nor its lane from going on, and the job tells how many are left', async () => {
    for (const entity of ['a-free', 'b-locked', 'c-free']) await anExpiredGrant(entity);
    const letGo = await hold(`select from entities where name = 'b-locked' for update`);
    try {
      await runs('money', ['expire-grants']);
      await until(
        'the grants of the others have expired',
        async () => (await isExpired('a-free')) && isExpired('c-free'),
      );
      await until('the job has failed', async () => (await queues.money.getFailedCount()) > 0);
      const [failed] = await queues.money.getFailed();
      expect(failed?.failedReason).toMatch(/^1 of \d failed/);
      expect(await isExpired('b-locked')).toBe(false);
    } finally {
      await letGo();
    }
    await runs('money', ['expire-grants']);
    await until('its grant has expired too', () => isExpired('b-locked'));
    expect(await isExpired('b-locked')).toBe(true);
  });
});
