import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Clock } from '../../../src/platform/clock.js';
import { anApp, type TestApp } from '../../support/app.js';
import { until } from '../../support/until.js';
import { aTestQueue, type TestQueue } from '../../support/usage-queue.js';
import { inJobsOf, usage } from './usage.js';

let app: TestApp;
let queue: TestQueue;
beforeAll(async () => {
  app = await anApp({ role: 'all', clock: new Clock() });
  queue = await aTestQueue(app.redis.url, { mayDie: false });
});
afterAll(async () => {
  await queue.close();
  await app.close();
});

async function countOf(entity: string): Promise<number> {
  const { rows } = await app.postgres.pool.query(
    'select coalesce(sum(requests), 0)::int as count from usage_hourly where entity = $1',
    [entity],
  );
  return rows[0].count as number;
}

describe('an entity that floods the queue', () => {
  it.each([
    ['in jobs of 200', 40_000, 200],
    ['in jobs of one', 8_000, 1],
  ])('%s does not hold up one that comes later', async (_, events, size) => {
    const [flood, later] = [`flood-${size}`, `later-${size}`];
    await queue.queue.pause();
    const jobs = size === 1 ? usage(flood, events) : inJobsOf(size, usage(flood, events));
    for (let start = 0; start < jobs.length; start += 500) await queue.add(jobs.slice(start, start + 500));
    await queue.add(usage(later, 3));
    await queue.queue.resume();
    await until('the later events are counted', async () => (await countOf(later)) === 3);
    expect(await countOf(flood)).toBeLessThan(events / 2);
    await queue.drained();
    expect([await countOf(flood), await countOf(later)]).toEqual([events, 3]);
  });
});
