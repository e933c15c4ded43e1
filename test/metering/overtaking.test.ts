import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Overtaking } from '../../src/metering/overtaking.js';
import { Shares } from '../../src/metering/shares.js';
import { aRedis, type TestRedis } from '../support/redis.js';
import { anEventBody } from '../support/builders.js';
import { aTestQueue, type TestQueue } from '../support/usage-queue.js';

let redis: TestRedis;
let queue: TestQueue;
beforeAll(async () => {
  redis = await aRedis();
  queue = await aTestQueue(redis.url);
});
afterAll(async () => {
  await queue.close();
  await redis.stop();
});

const time = new Date().toISOString();
const usage = (entity: string, count: number) =>
  Array.from({ length: count }, () => anEventBody({ subject: `${entity}/p`, time }));

function inJobsOf(size: number, events: readonly unknown[]): unknown[] {
  return Array.from({ length: events.length / size }, (_, index) =>
    events.slice(index * size, (index + 1) * size),
  );
}

describe('overtaking', () => {
  it('moves what holds nothing of the flood to the front, oldest first, and nothing else', async () => {
    await queue.add([...inJobsOf(10, usage('flood', 600)), usage('a', 2), 'no event', usage('flood', 1)[0]]);
    await queue.add([[...usage('b', 1), ...usage('flood', 1)], usage('b', 1), ...usage('c', 1)]);
    const overtaking = new Overtaking(queue.queue);
    let moved = 0;
    for (let round = 0; round < 3; round += 1) moved += await overtaking.round(new Set(['flood']));
    expect(moved).toBe(3);
    const front = await queue.queue.getJobs(['wait'], 0, 2, true);
    const subjects = front.map(({ data }) => [data].flat()[0].subject);
    expect(subjects).toEqual(['a/p', 'b/p', 'c/p']);
    expect(await queue.queue.getWaitingCount()).toBe(66);
  });

  it('is for those beside whom one has more than its share', () => {
    const shares = new Shares();
    const many = (count: number, entity: string) => Array<string>(count).fill(entity);
    shares.add(many(400, 'large'));
    expect(shares.flooding()).toEqual(new Set());
    for (let index = 0; index < 10; index += 1) shares.add(many(100, `e${index}`));
    expect(shares.flooding()).toEqual(new Set(['large']));
    shares.remove(many(300, 'large'));
    expect(shares.flooding()).toEqual(new Set());
  });
});
