import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Clock } from '../../../src/platform/clock.js';
import { anApp, type TestApp } from '../../support/app.js';
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

/** How many events of `entity` were booked before the last one of `other`. */
async function bookedBefore(other: string, entity: string): Promise<number> {
  const { rows } = await app.postgres.pool.query(
    `select count(*)::int as count from usage_events
     where entity = $2 and booked_at < (select max(booked_at) from usage_events where entity = $1)`,
    [other, entity],
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
    await queue.drained();
    expect(await bookedBefore(later, flood)).toBeLessThan(events / 2);
    expect([await countOf(flood), await countOf(later)]).toEqual([events, 3]);
  });
});
