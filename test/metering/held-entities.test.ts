import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { usageQueueOf } from '@tally/client/protocol';
import { Clock } from '../../src/platform/clock.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody } from '../support/builders.js';
import { until } from '../support/until.js';
import { aTestQueue, type TestQueue } from '../support/usage-queue.js';

const SHARDS = 3;

let app: TestApp;
let queue: TestQueue;
beforeAll(async () => {
  app = await anApp({ role: 'all', clock: new Clock(), environment: { QUEUE_SHARDS: String(SHARDS) } });
  queue = await aTestQueue(app.redis.url, { mayDie: false });
});
afterAll(async () => {
  await queue.close();
  await app.close();
});

const time = new Date().toISOString();
const usage = (entity: string, count: number) =>
  Array.from({ length: count }, () => anEventBody({ subject: `${entity}/p`, time }));

async function countOf(entity: string): Promise<number> {
  const { rows } = await app.postgres.pool.query(
    'select coalesce(sum(requests), 0)::int as count from usage_hourly where entity = $1',
    [entity],
  );
  return rows[0].count as number;
}

describe('usage', () => {
  it('of others is counted while another transaction holds an entity', async () => {
    await queue.add([usage('x', 1), usage('y', 1)]);
    await queue.drained();
    const holder = await app.postgres.pool.connect();
    try {
      await holder.query('begin');
      await holder.query(`select from entities where name = 'x' for update`);
      await queue.add([usage('x', 1_000), usage('x', 1_000), usage('y', 500), ...usage('z', 10)]);
      await until('the others are counted', async () => (await countOf('y')) + (await countOf('z')) === 511);
      expect(await countOf('x')).toBe(1);
    } finally {
      await holder.query('rollback');
      holder.release();
    }
    await queue.drained();
    expect(await countOf('x')).toBe(2_001);
  });

  it('is taken from every shard, and from the queue that knows of none', async () => {
    const entities = Array.from({ length: 12 }, (_, index) => `sharded-${index}`);
    const names = new Set(entities.map((entity) => usageQueueOf(entity, SHARDS)));
    expect(names.size).toBe(SHARDS);
    for (const name of names) {
      const shard = await aTestQueue(app.redis.url, { name, mayDie: false });
      const own = entities.filter((entity) => usageQueueOf(entity, SHARDS) === name);
      await shard.add(own.map((entity) => usage(entity, 5)));
      await shard.drained();
      expect(await shard.queue.getJobCountByTypes('completed')).toBe(0);
      await shard.close();
    }
    await queue.add([entities.flatMap((entity) => usage(entity, 1))]);
    await queue.drained();
    expect(await Promise.all(entities.map(countOf))).toEqual(entities.map(() => 6));
  });
});
