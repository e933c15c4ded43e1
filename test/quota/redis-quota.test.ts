import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { aProjectQuota, aQuotaState, aSubject, NOON, usd } from '../support/quota.js';
import { aQuotaRedis, idOf, sized, type QuotaRedis } from '../support/quota-redis.js';

let on: QuotaRedis;
beforeAll(async () => (on = await aQuotaRedis()));
afterAll(() => on.close());
beforeEach(async () => {
  await on.redis.flushall();
  on.clock.set(NOON);
});

const blocked = (creditsUsd: string) => aQuotaState({ overage: 'blocked', creditsPicos: usd(creditsUsd) });

describe('a decision in Redis', () => {
  it('admits exactly as many of 2,000 reservations at once as the cap has room for', async () => {
    await on.publish(aQuotaState({ monthlyCapPicos: usd('317.5') }));
    const verdicts = await Promise.all(
      Array.from({ length: 2_000 }, (_, i) => on.reserve({ requestId: `r${i}` })),
    );
    expect(verdicts.filter((verdict) => verdict === 'held')).toHaveLength(317);
    expect(verdicts.filter((verdict) => verdict === 'entity_monthly_cap: retry')).toHaveLength(1_683);
    expect(await on.held()).toEqual({ heldPicos: usd('317'), requestCount: 317 });
  });

  it('checks the limits in the sequence of the domain, and denies by the first that is exceeded', async () => {
    const project = { monthlyCapPicos: 0n, maxConcurrentRequests: 0 };
    const entity = {
      monthlyCapPicos: 0n,
      yearlyCapPicos: 0n,
      maxConcurrentRequests: 0,
      overage: 'blocked' as const,
    };
    const steps = [
      { entity, project },
      { entity, project: { ...project, maxConcurrentRequests: null } },
      {
        entity: { ...entity, maxConcurrentRequests: null },
        project: { ...project, maxConcurrentRequests: null },
      },
      { entity: { ...entity, maxConcurrentRequests: null }, project: {} },
      { entity: { ...entity, maxConcurrentRequests: null, monthlyCapPicos: null }, project: {} },
      { entity: { overage: 'blocked' as const }, project: {} },
      { entity: {}, project: {} },
    ];
    const seen = [];
    for (const step of steps) {
      await on.publish(aQuotaState({ ...step.entity, projects: [aProjectQuota(step.project)] }));
      seen.push(await on.reserve({ requestId: 'r' }));
    }
    expect(seen).toEqual([
      'project_concurrency: final',
      'entity_concurrency: final',
      'project_monthly_cap: final',
      'entity_monthly_cap: final',
      'entity_yearly_cap: final',
      'credits: final',
      'held',
    ]);
  });

  it('allows equality, and says that waiting helps only where other holds are in the way', async () => {
    await on.publish(blocked('10'));
    expect(await on.reserve({ requestId: 'a', usd: '10.000000001' })).toBe('credits: final');
    expect(await on.reserve({ requestId: 'b', usd: '4' })).toBe('held');
    expect(await on.reserve({ requestId: 'c', usd: '6.000000001' })).toBe('credits: retry');
    expect(await on.reserve({ requestId: 'd', usd: '6' })).toBe('held');
    expect(await on.reserve({ requestId: 'e', usd: '0' })).toBe('held');
    expect(await on.reserve({ requestId: 'f', usd: null })).toBe('credits: retry');
  });

  it('counts the holds of a project for it alone, and those of all projects for the entity', async () => {
    const capped = { monthlyCapPicos: usd('2'), maxConcurrentRequests: 3 };
    await on.publish(
      aQuotaState({
        monthlyCapPicos: usd('3'),
        projects: [
          aProjectQuota(capped),
          aProjectQuota({ ...capped, project: aSubject('e/project2').project }),
        ],
      }),
    );
    expect(await on.reserve({ requestId: 'a', usd: '2' })).toBe('held');
    expect(await on.reserve({ requestId: 'b', usd: '1' })).toBe('project_monthly_cap: retry');
    expect(await on.reserve({ requestId: 'c', subject: 'entity1/project2', usd: '1' })).toBe('held');
    expect(await on.reserve({ requestId: 'd', subject: 'entity1/project2', usd: '1' })).toBe(
      'entity_monthly_cap: retry',
    );
  });

  it('checks without holding anything', async () => {
    await on.publish(blocked('1'));
    const check = async () => (await on.quota.check(aSubject(), 'fresh')).verdict;
    expect([await check(), await check()]).toEqual(['allowed', 'allowed']);
    expect(await on.reserve({ requestId: 'a', usd: '1' })).toBe('held');
    expect(await on.quota.check(aSubject(), 'fresh')).toMatchObject({ verdict: 'denied', retryable: true });
    await on.publish({ ...blocked('0'), version: 2n }, [idOf('a')]);
    expect(await on.quota.check(aSubject(), 'fresh')).toMatchObject({ verdict: 'denied', retryable: false });
  });

  it('holds more than nine million dollars for an unlimited entity, and gives all of it back', async () => {
    await on.publish(aQuotaState());
    for (const requestId of ['a', 'b', 'c']) await on.reserve({ requestId, usd: '8999999.000000001' });
    expect((await on.held()).requestCount).toBe(3);
    for (const requestId of ['b', 'a', 'c']) await on.quota.release(aSubject().entity, idOf(requestId));
    expect(await on.held()).toEqual({ heldPicos: 0n, requestCount: 0 });
  });
});

describe('a hold', () => {
  beforeEach(() => on.publish(blocked('3')));

  it('is held once for a repeated request, even where no room is left by then', async () => {
    const order = sized({ requestId: 'a', usd: '3' });
    const first = await on.quota.reserve(...order, 'fresh');
    on.clock.advance(60_000);
    expect(await on.quota.reserve(...order, 'fresh')).toEqual(first);
    expect(await on.held()).toEqual({ heldPicos: usd('3'), requestCount: 1 });
  });

  it('is never shared by requests with other content', async () => {
    await on.reserve({ requestId: 'a' });
    expect(await on.reserve({ requestId: 'a', model: 'other' })).toBe('conflict');
    expect(await on.held()).toEqual({ heldPicos: usd('1'), requestCount: 1 });
  });

  it('ends at the instant at which it expires, each at its own', async () => {
    for (const seconds of [10, 20, 30]) await on.reserve({ requestId: `r${seconds}`, ttlSeconds: seconds });
    expect(await on.reserve({ requestId: 'x' })).toBe('credits: retry');
    on.clock.advance(9_999);
    expect(await on.reserve({ requestId: 'x' })).toBe('credits: retry');
    on.clock.advance(1);
    expect(await on.reserve({ requestId: 'x' })).toBe('held');
    expect(await on.reserve({ requestId: 'y' })).toBe('credits: retry');
    on.clock.advance(10_000);
    expect(await on.held()).toEqual({ heldPicos: usd('2'), requestCount: 2 });
    on.clock.advance(3_600_000);
    expect(await on.held()).toEqual({ heldPicos: 0n, requestCount: 0 });
  });

  it('that has expired denies no request, even where more have expired than one call usually ends', async () => {
    await on.publish({ ...blocked('300'), version: 2n });
    await Promise.all(
      Array.from({ length: 300 }, (_, i) => on.reserve({ requestId: `r${i}`, ttlSeconds: 1 })),
    );
    on.clock.advance(1_000);
    expect(await on.reserve({ requestId: 'x', usd: '300' })).toBe('held');
  });

  it('ends together with those of thousands of projects in one call', async () => {
    const names = Array.from({ length: 4_500 }, (_, i) => `p${i}`);
    const projects = [
      aProjectQuota(),
      ...names.map((name) => aProjectQuota({ project: aSubject(`e/${name}`).project })),
    ];
    await on.publish({ ...blocked('4500'), version: 2n, projects });
    // Not all at once: on a busy machine a command behind thousands of others times out.
    const holdIn = (name: string) =>
      on.reserve({ requestId: 'r', subject: `entity1/${name}`, ttlSeconds: 1 });
    for (let next = 0; next < names.length; next += 250)
      await Promise.all(names.slice(next, next + 250).map(holdIn));
    expect(await on.held()).toEqual({ heldPicos: usd('4500'), requestCount: 4_500 });
    on.clock.advance(1_000);
    expect(await on.reserve({ requestId: 'x', usd: '4500' })).toBe('held');
    expect(await on.redis.hlen('tally:{entity1}:holds')).toBe(5);
  });

  it('that has expired leaves its id used, and nothing is held for it', async () => {
    await on.reserve({ requestId: 'a', usd: '3', ttlSeconds: 10 });
    on.clock.advance(10_000);
    expect(await on.reserve({ requestId: 'a', usd: '3' })).toBe('ended');
    expect((await on.held()).requestCount).toBe(0);
  });

  it('does not come back once it has ended, even where its end arrived first', async () => {
    await on.reserve({ requestId: 'a' });
    await on.quota.release(aSubject().entity, idOf('a'));
    await on.publish({ ...blocked('3'), version: 2n }, [idOf('late')]);
    expect(await on.reserve({ requestId: 'a' })).toBe('ended');
    expect(await on.reserve({ requestId: 'late' })).toBe('ended');
    expect(await on.held()).toEqual({ heldPicos: 0n, requestCount: 0 });
  });

  it('that has ended leaves its id used, whatever the limits and the mode say by then', async () => {
    await on.reserve({ requestId: 'a' });
    await on.publish({ ...blocked('0'), version: 2n }, [idOf('a')]);
    expect(await on.reserve({ requestId: 'a' })).toBe('ended');
    for (const mode of ['shadow', 'off', 'enforce'] as const) {
      await on.publish({ ...blocked('9'), version: 3n, mode });
      expect(await on.reserve({ requestId: 'a', usd: '0.1' })).toBe('ended');
    }
  });

  it('ends once, however often and by whatever it is ended', async () => {
    await on.reserve({ requestId: 'a' });
    await on.reserve({ requestId: 'b' });
    const end = () => on.quota.release(aSubject().entity, idOf('a'));
    await Promise.all([
      end(),
      end(),
      on.publish({ ...blocked('3'), version: 2n }, [idOf('a'), idOf('a')]),
      end(),
    ]);
    expect(await on.held()).toEqual({ heldPicos: usd('1'), requestCount: 1 });
  });

  it('can be extended but not shortened, and not after its end', async () => {
    await on.reserve({ requestId: 'a', ttlSeconds: 100 });
    const extend = (seconds: number) => on.quota.extend(aSubject().entity, idOf('a'), seconds);
    expect((await extend(10))?.expiresMs).toBe(NOON.getTime() + 100_000);
    expect(await extend(200)).toMatchObject({ expiresMs: NOON.getTime() + 200_000, holdPicos: usd('1') });
    on.clock.advance(199_999);
    expect((await on.held()).requestCount).toBe(1);
    on.clock.advance(1);
    expect(await extend(10)).toBeNull();
    expect(await on.quota.extend(aSubject().entity, idOf('never'), 10)).toBeNull();
  });

  it('leaves a tombstone for a quarter of an hour, and older tombstones are pruned', async () => {
    await on.publish({ ...blocked('300'), version: 2n });
    for (let i = 0; i < 50; i += 1) await on.quota.release(aSubject().entity, idOf(`r${i}`));
    on.clock.advance(899_999);
    await on.publish({ ...blocked('300'), version: 3n, at: on.clock.now() });
    expect(await on.reserve({ requestId: 'r0' })).toBe('ended');
    on.clock.advance(1);
    expect(await on.reserve({ requestId: 'r1' })).toBe('held');
    for (let i = 0; i < 4; i += 1) await on.quota.release(aSubject().entity, idOf(`x${i}`));
    expect(await on.redis.zcard('tally:{entity1}:ended')).toBe(4);
  });

  it('and all keys of an idle entity expire later than the longest hold, and a use prolongs keys that are about to expire', async () => {
    for (const [a, b] of [
      ['a', 'b'],
      ['c', 'd'],
    ] as const) {
      await on.reserve({ requestId: a });
      await on.quota.release(aSubject().entity, idOf(b));
      for (const key of await on.redis.keys('tally:{entity1}:*')) {
        expect(await on.redis.pttl(key)).toBeGreaterThan(key.endsWith(':ended') ? 890_000 : 86_400_000);
        if (/(holds|expiry|ended)$/.test(key)) await on.redis.pexpire(key, 100_000);
      }
    }
  });
});

describe('lost keys', () => {
  const KEYS = ['holds', 'expiry', 'ended', 'state', 'project:project1'];
  const subsets = Array.from({ length: 2 ** KEYS.length }, (_, bits) =>
    KEYS.filter((_, i) => bits & (1 << i)),
  );

  it.each(subsets.map((lost) => ({ lost })))(
    'cost no more than the holds, and no hold stays for ever: $lost',
    async ({ lost }) => {
      const hasEveryLimit = !lost.includes('project:project1');
      const limits = { overage: 'blocked', creditsPicos: usd('3'), maxConcurrentRequests: 2 } as const;
      const state = aQuotaState({ ...limits, hasEveryLimit });
      await on.publish(state);
      await on.reserve({ requestId: 'gone' });
      await on.quota.release(aSubject().entity, idOf('gone'));
      await on.reserve({ requestId: 'a' });
      if (lost.length > 0) await on.redis.del(...lost.map((key) => `tally:{entity1}:${key}`));
      if (await isCold()) await on.publish(state);
      const kept = lost.includes('holds') || lost.includes('expiry') ? 0 : 1;
      expect(await on.held()).toEqual({ heldPicos: usd(String(kept)), requestCount: kept });
      const verdicts = [];
      for (const requestId of ['b', 'c', 'd']) verdicts.push(await on.reserve({ requestId }));
      expect(verdicts.filter((verdict) => verdict === 'held')).toHaveLength(2 - kept);
      for (const requestId of ['a', 'b', 'c', 'd'])
        await on.quota.release(aSubject().entity, idOf(requestId));
      expect(await on.held()).toEqual({ heldPicos: 0n, requestCount: 0 });
      expect(await on.redis.hkeys('tally:{entity1}:holds')).toEqual([]);
    },
  );

  const isCold = async () => (await on.quota.check(aSubject(), 'fresh')).verdict === 'cold';
});
