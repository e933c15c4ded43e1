import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { giveCredits, quotaServers, type QuotaServers } from '../support/quota-service.js';
import { ownMsOf } from '../support/own-time.js';
import { until } from '../support/until.js';

let on: QuotaServers;
beforeAll(async () => (on = await quotaServers('closed')));
afterAll(() => on.close());
afterEach(() => on.recover());

/** Postgres takes so long that all concurrent requests ask before the first load ends. */
const POSTGRES_MS = 60;

describe('while Redis is slow', () => {
  const SLOW_MS = 4_000;
  /** How long it waits, apart from waiting for Postgres. */
  const waitedMs = (run: () => Promise<unknown>) => ownMsOf(run, () => !on.isAskingPostgres());

  it('the first requests wait well under a second, the next ones not at all, and Redis is used again once it is fast', async () => {
    await giveCredits(on, { entity: 'slow', credits: '1000' });
    expect(await on.check('slow/p')).toBe('allowed');
    on.wires.redis.slowDown(SLOW_MS);
    const burst = () =>
      Promise.all(Array.from({ length: 100 }, async () => expect(await on.check('slow/p')).toBe('~allowed')));
    expect(await waitedMs(burst)).toBeLessThan(900);
    expect(await waitedMs(burst)).toBeLessThan(250);
    await on.wires.redis.mend();
    await until('Redis decides again', async () => (await on.check('slow/p')) === 'allowed');
  });

  it('a reply that only this process reads late still counts', async () => {
    await giveCredits(on, { entity: 'busy', credits: '5' });
    expect(await on.check('busy/p')).toBe('allowed');
    const answers = Array.from({ length: 20 }, () => on.reserve({ subject: 'busy/p' }));
    await new Promise((resolve) => setImmediate(resolve));
    const busyUntil = performance.now() + 1_500;
    while (performance.now() < busyUntil);
    const verdicts = await Promise.all(answers);
    expect(verdicts.filter((verdict) => verdict === 'allowed')).toHaveLength(5);
    expect(verdicts.filter((verdict) => verdict === 'credits: retry')).toHaveLength(15);
  });
});

describe('when Redis is fast again', () => {
  it('1,000 requests of 40 entities with aged states cost Postgres a few statements', async () => {
    const entities = Array.from({ length: 40 }, (_, i) => `aged${i}`);
    for (const entity of entities) {
      await giveCredits(on, { entity });
      expect(await on.check(`${entity}/p`)).toBe('allowed');
    }
    on.wires.redis.slowDown(2_000);
    expect(await on.check('aged0/p')).toBe('~allowed');
    on.clock.advance(61_000);
    const burst = () =>
      Promise.all(entities.flatMap((entity) => Array.from({ length: 25 }, () => on.check(`${entity}/p`))));
    on.wires.postgres.slowDown(POSTGRES_MS);
    const before = on.queryCount();
    expect(new Set(await burst())).toEqual(new Set(['~allowed']));
    const whileSlow = on.queryCount() - before;
    await on.wires.redis.mend();
    await until('Redis decides again', async () => (await on.check('aged0/p')) === 'allowed');
    const back = on.queryCount();
    expect(new Set(await burst())).toEqual(new Set(['allowed']));
    // A load is two statements, and answers all requests that were waiting when it began.
    expect(Math.max(whileSlow, on.queryCount() - back)).toBeLessThanOrEqual(12);
    const again = on.queryCount();
    expect(new Set(await burst())).toEqual(new Set(['allowed']));
    expect(on.queryCount()).toBe(again);
  });
});

describe('when Redis comes back empty', () => {
  it('1,000 requests of 40 entities cost Postgres a few statements', async () => {
    const entities = Array.from({ length: 40 }, (_, i) => `cold${i}`);
    for (const entity of entities) await giveCredits(on, { entity });
    await on.redis.flushall();
    on.wires.postgres.slowDown(POSTGRES_MS);
    const before = on.queryCount();
    const asked = entities.flatMap((entity) => Array.from({ length: 25 }, () => on.check(`${entity}/p`)));
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['allowed']));
    // A load is two statements, and answers all requests that were waiting when it began.
    expect(on.queryCount() - before).toBeLessThanOrEqual(12);
  });
});
