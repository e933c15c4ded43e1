import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { RedisNodes } from '../../src/platform/redis-nodes.js';
import { RedisQuota } from '../../src/quota/redis-quota.js';
import { aProjectQuota, aQuotaState, aSubject, NOON, usd } from '../support/quota.js';
import { aQuotaRedis, idOf, type QuotaRedis } from '../support/quota-redis.js';

let on: QuotaRedis;
beforeAll(async () => (on = await aQuotaRedis()));
afterAll(() => on.close());
beforeEach(async () => {
  await on.redis.flushall();
  on.clock.set(NOON);
});

const MINUTE_MS = 60_000;
const withCredits = (version: bigint, creditsUsd: string, at = NOON) =>
  aQuotaState({ version, at, overage: 'blocked', creditsPicos: usd(creditsUsd) });
const creditsSeen = async () => {
  const answer = await on.quota.check(aSubject(), 'fresh');
  return answer.verdict === 'cold' ? 'cold' : answer.question.entity.creditsPicos;
};

describe('a published state', () => {
  it('from before the first question of a connection is invalid, because newer ones may have been lost', async () => {
    const { redis, clock } = on;
    clock.advance(1);
    const another = new RedisQuota(new RedisNodes(redis), clock);
    await on.publish(withCredits(1n, '1'));
    expect((await another.check(aSubject(), 'fresh')).verdict).toBe('cold');
    expect((await another.check(aSubject(), 'aged')).verdict).toBe('allowed');
    await on.publish(withCredits(1n, '1', clock.now()));
    expect((await another.check(aSubject(), 'fresh')).verdict).toBe('allowed');
  });

  it('is never replaced by an older version, in whatever sequence they arrive', async () => {
    await on.publish(withCredits(7n, '7'));
    await on.publish(withCredits(6n, '6'));
    expect(await creditsSeen()).toBe(usd('7'));
    await on.publish(withCredits(8n, '8'));
    await Promise.all([3n, 9n, 5n, 8n].map((version) => on.publish(withCredits(version, String(version)))));
    expect(await creditsSeen()).toBe(usd('9'));
  });

  it('of a project with a key of its own has its own version: a newer state of another project does not hide that it is missing', async () => {
    const project2 = aProjectQuota({ project: aSubject('e/project2').project });
    await on.publish({ ...withCredits(5n, '5'), projects: [project2], hasEveryLimit: false });
    await on.publish({ ...withCredits(9n, '9'), projects: [project2], hasEveryLimit: false });
    expect(await creditsSeen()).toBe('cold');
    await on.publish({ ...withCredits(5n, '5'), hasEveryLimit: false });
    expect(await creditsSeen()).toBe(usd('9'));
  });

  it('decides for a minute, or for a quarter of an hour while Postgres is unavailable', async () => {
    await on.publish(withCredits(1n, '1'));
    on.clock.advance(MINUTE_MS);
    expect(await creditsSeen()).toBe(usd('1'));
    on.clock.advance(1);
    expect(await creditsSeen()).toBe('cold');
    on.clock.advance(14 * MINUTE_MS - 1);
    expect((await on.quota.check(aSubject(), 'aged')).verdict).toBe('allowed');
    on.clock.advance(1);
    expect((await on.quota.check(aSubject(), 'aged')).verdict).toBe('cold');
  });

  it('decides nothing from the instant at which the credits change, however young it is', async () => {
    await on.publish({ ...withCredits(1n, '1'), freshUntil: new Date(NOON.getTime() + 2) });
    on.clock.advance(1);
    expect(await creditsSeen()).toBe(usd('1'));
    on.clock.advance(1);
    expect(await creditsSeen()).toBe('cold');
    expect((await on.quota.check(aSubject(), 'aged')).verdict).toBe('cold');
  });

  it('of another period is never used, neither the last month in the new one nor the next month too early', async () => {
    on.clock.set('2026-11-30T23:59:59.999Z');
    await on.publish(withCredits(1n, '1', on.clock.now()));
    expect(await creditsSeen()).toBe(usd('1'));
    on.clock.advance(1);
    expect(await creditsSeen()).toBe('cold');
    expect((await on.quota.check(aSubject(), 'aged')).verdict).toBe('cold');
    await on.publish(withCredits(1n, '2', on.clock.now()));
    expect(await creditsSeen()).toBe(usd('2'));
    on.clock.advance(-1);
    expect(await creditsSeen()).toBe('cold');
  });

  it('of the month before does not replace the new one when it arrives late', async () => {
    on.clock.set('2026-12-01T00:00:00Z');
    await on.publish(withCredits(1n, '2', on.clock.now()));
    await on.publish(withCredits(1n, '1', new Date('2026-11-30T23:59:59.999Z')));
    expect(await creditsSeen()).toBe(usd('2'));
  });

  it('from a clock that is ahead is not used, and neither is the state that it outdates', async () => {
    await on.publish(withCredits(5n, '5'));
    const ahead = withCredits(6n, '6', new Date('2026-12-01T00:00:01Z'));
    expect(ahead.period).toBe('2026-12');
    await on.publish(ahead);
    expect(await creditsSeen()).toBe('cold');
    await on.publish(withCredits(5n, '5'));
    expect(await creditsSeen()).toBe('cold');
    await on.publish(withCredits(6n, '6'));
    expect(await creditsSeen()).toBe(usd('6'));
  });

  it('counts as no younger than it is when the clock that loaded it is ahead', async () => {
    await on.publish(withCredits(1n, '1', new Date(NOON.getTime() + 10 * MINUTE_MS)));
    expect(await creditsSeen()).toBe(usd('1'));
    on.clock.advance(MINUTE_MS + 1);
    expect(await creditsSeen()).toBe('cold');
  });

  it('is refused with the later version in its way, and replaces that version where its reader has seen it', async () => {
    expect(await on.publish(withCredits(9n, '9'))).toBeUndefined();
    expect(await on.publish(withCredits(4n, '4'))).toBe(9n);
    expect(await on.publish(withCredits(4n, '4'), [], 8n)).toBe(9n);
    expect(await creditsSeen()).toBe(usd('9'));
    expect(await on.publish(withCredits(4n, '4'), [], 9n)).toBeUndefined();
    expect(await creditsSeen()).toBe(usd('4'));
    expect(await on.publish(withCredits(5n, '5'))).toBeUndefined();
    expect(await creditsSeen()).toBe(usd('5'));
  });

  it('ends holds even where the state itself is too old to be stored', async () => {
    await on.publish(withCredits(7n, '7'));
    expect(await on.reserve({ requestId: 'a' })).toBe('held');
    await on.publish(withCredits(6n, '6'), [idOf('a')]);
    expect(await creditsSeen()).toBe(usd('7'));
    expect((await on.held()).requestCount).toBe(0);
  });
});
