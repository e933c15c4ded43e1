/** The lease script: a lease is one hold of what its gateway may still spend, whatever is repeated or lost. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { formatUsd } from '@tally/client/protocol';
import type { ProjectName } from '../../src/domain/ids.js';
import { RedisLeases } from '../../src/quota/redis-leases.js';
import { aFinished, aStatement, leaseId, type Said } from '../support/leases.js';
import { aProjectQuota, aQuotaState, NOON, usd } from '../support/quota.js';
import { aQuotaRedis, idOf, type QuotaRedis } from '../support/quota-redis.js';
import { until } from '../support/until.js';

let on: QuotaRedis;
let leases: RedisLeases;
beforeAll(async () => {
  on = await aQuotaRedis();
  leases = new RedisLeases(on.quota);
});
afterAll(() => on.close());
beforeEach(async () => {
  await on.redis.flushall();
  on.clock.set(NOON);
});

/** `+5` is granted, `-5` must be given back; and why. */
async function state(said: Said): Promise<string> {
  const answer = await leases.renew(aStatement(said), 'fresh');
  if (answer.verdict !== 'leased') return answer.verdict;
  const { grantedPicos, giveBackPicos, reason } = answer;
  const amount = giveBackPicos > 0n ? `-${formatUsd(giveBackPicos)}` : `+${formatUsd(grantedPicos)}`;
  return reason === null ? amount : `${amount} ${reason}`;
}

const held = async () => {
  const { heldPicos, requestCount } = await on.held();
  return `${formatUsd(heldPicos)} by ${requestCount}`;
};

describe('a lease', () => {
  it('is granted what is wanted, or its equal part of half of what is left, and the grant counts as held', async () => {
    await on.publish(aQuotaState({ monthlyCapPicos: usd('100') }));
    expect(await state({ lease: 'a', wanted: '30' })).toBe('+30');
    expect(await held()).toBe('30 by 1');
    expect(await state({ lease: 'b', wanted: '30' })).toBe('+17.5 shared');
    expect(await held()).toBe('47.5 by 2');
    expect(await on.reserve({ requestId: 'r1', usd: '52.5' })).toBe('held');
    expect(await on.reserve({ requestId: 'r2', usd: '0.1' })).toBe('entity_monthly_cap: retry');
  });

  it('is bounded by every limit of money, including the cap of its project', async () => {
    const projects = [aProjectQuota({ monthlyCapPicos: usd('8') })];
    await on.publish(aQuotaState({ overage: 'blocked', creditsPicos: usd('20'), projects }));
    expect(await state({ wanted: '50' })).toBe('+4 shared');
    await on.publish(aQuotaState({ version: 2n, overage: 'blocked', creditsPicos: usd('6'), projects }));
    expect(await state({ sequence: 2, free: '4', wanted: '50' })).toBe('-1 shared');
    await on.publish(aQuotaState({ version: 3n }));
    expect(await state({ sequence: 3, free: '3', wanted: '50' })).toBe('+47');
  });

  it('is granted nothing where a few of its requests would not fit, and gives back what it has', async () => {
    await on.publish(aQuotaState({ monthlyCapPicos: usd('10') }));
    expect(await state({ wanted: '50', largestHold: '1.3' })).toBe('+0 near_limit');
    expect(await state({ sequence: 2, wanted: '50', largestHold: '1.2' })).toBe('+5 shared');
    expect(await on.reserve({ requestId: 'r', usd: '4' })).toBe('held');
    expect(await state({ sequence: 3, free: '5', wanted: '50', largestHold: '1.2' })).toBe('-5 near_limit');
    expect(await held()).toBe('9 by 2');
    expect(await state({ sequence: 4, wanted: '0' })).toBe('+0');
    expect(await held()).toBe('4 by 2');
  });

  it.each([{ maxConcurrentRequests: 3 }, { projects: [aProjectQuota({ maxConcurrentRequests: 3 })] }])(
    'is granted nothing where requests in flight are limited, because it does not count them',
    async (limits) => {
      await on.publish(aQuotaState(limits));
      expect(await state({ wanted: '1' })).toBe('+0 concurrency_limited');
      expect(await state({ lease: 'b', free: '1', wanted: '1' })).toBe('-1 concurrency_limited');
    },
  );

  it('does not count as a request in flight while it holds nothing', async () => {
    await on.publish(aQuotaState({}));
    await state({ lease: 'a', wanted: '1' });
    const finished = [aFinished('r1', '0.5')];
    await on.publish(aQuotaState({ version: 2n, maxConcurrentRequests: 2 }));
    expect(await state({ lease: 'a', sequence: 2, wanted: '1', finished })).toBe('+0 concurrency_limited');
    expect(await state({ lease: 'b', wanted: '1' })).toBe('+0 concurrency_limited');
    expect(await held()).toBe('0.5 by 1');
    expect(await on.reserve({ requestId: 'r2', usd: '0.1' })).toBe('held');
    expect(await state({ lease: 'a', sequence: 3, free: '1' })).toBe('ended');
  });

  it.each(['off', 'shadow'] as const)(
    'is granted nothing where limits are not enforced: %s',
    async (mode) => {
      await on.publish(aQuotaState({ mode, monthlyCapPicos: usd('100') }));
      expect(await state({ wanted: '1' })).toBe('+0 not_enforced');
    },
  );

  it('holds what its last statement says plus the grant, and a repeated statement is granted once', async () => {
    await on.publish(aQuotaState({ monthlyCapPicos: usd('100') }));
    expect(await state({ sequence: 3, wanted: '20' })).toBe('+20');
    expect(await state({ sequence: 3, wanted: '20' })).toBe('+20');
    expect(await held()).toBe('20 by 1');
    expect(await state({ sequence: 4, outstanding: '7', free: '10', wanted: '20' })).toBe('+10');
    expect(await state({ sequence: 3, wanted: '20' })).toBe('outdated');
    expect(await state({ sequence: 4, outstanding: '7', free: '10', wanted: '20' })).toBe('+10');
    expect(await held()).toBe('27 by 1');
  });

  it('never belongs to two projects', async () => {
    await on.publish(aQuotaState({ projects: [aProjectQuota(), aProjectQuota({ project: 'p2' as never })] }));
    await state({ wanted: '20' });
    expect(await state({ sequence: 2, subject: 'entity1/p2', wanted: '20' })).toBe('conflict');
    expect(await held()).toBe('20 by 1');
  });

  it('that Redis has lost comes back with its next statement, even beyond the limit', async () => {
    await on.publish(aQuotaState({ monthlyCapPicos: usd('10') }));
    await on.redis.del('tally:{entity1}:holds');
    expect(await state({ sequence: 9, outstanding: '12', free: '1', wanted: '5' })).toBe('-1 near_limit');
    expect(await held()).toBe('13 by 1');
  });
});

describe('a finished request', () => {
  beforeEach(async () => {
    await on.publish(aQuotaState({ monthlyCapPicos: usd('100') }));
    await state({ wanted: '20' });
  });

  it('becomes a hold of its own once, in the step that lowers the lease, and its event ends that hold', async () => {
    const finished = [aFinished('r1', '3'), aFinished('r2', '4')];
    await state({ sequence: 2, free: '13', wanted: '13', finished });
    expect(await held()).toBe('20 by 3');
    await state({ sequence: 3, free: '13', wanted: '13', finished });
    expect(await held()).toBe('20 by 3');
    await on.publish(aQuotaState({ version: 2n }), [idOf('r1'), idOf('r2')]);
    expect(await held()).toBe('13 by 1');
    await state({ sequence: 4, free: '13', wanted: '13', finished });
    expect(await held()).toBe('13 by 1');
  });

  it('that is booked already becomes no hold', async () => {
    await on.publish(aQuotaState({ version: 2n }), [idOf('r1')]);
    expect(await held()).toBe('20 by 1');
    await state({ sequence: 2, free: '17', wanted: '17', finished: [aFinished('r1', '3')] });
    expect(await held()).toBe('17 by 1');
  });

  it('whose event never comes is held for as long as a request may take', async () => {
    const finished = [aFinished('r1', '3')];
    await leases.end(aStatement({ requestSeconds: 60, finished }), 'fresh');
    on.clock.advance(59_999);
    expect(await held()).toBe('3 by 1');
    on.clock.advance(1);
    expect(await held()).toBe('0 by 0');
  });
});

describe('the end of a lease', () => {
  beforeEach(() => on.publish(aQuotaState({ at: on.clock.now(), monthlyCapPicos: usd('100') })));

  it('frees at once what is not handed over; it may be repeated, and the lease does not come back', async () => {
    await state({ wanted: '20' });
    const ending = aStatement({ finished: [aFinished('r1', '3')] });
    await leases.end(ending, 'fresh');
    await leases.end(ending, 'fresh');
    expect(await held()).toBe('3 by 1');
    expect(await state({ sequence: 2, free: '17', wanted: '20' })).toBe('ended');
    expect(await held()).toBe('3 by 1');
  });

  it('comes without a statement after its lifetime and the longest request', async () => {
    await state({ ttlSeconds: 10, requestSeconds: 60, wanted: '20' });
    on.clock.advance(69_999);
    expect(await held()).toBe('20 by 1');
    on.clock.advance(1);
    await on.publish(aQuotaState({ at: on.clock.now(), monthlyCapPicos: usd('100') }));
    expect(await state({ sequence: 2, free: '20', wanted: '20' })).toBe('ended');
    expect(await held()).toBe('0 by 0');
  });

  it('is for its gateway no later than the instant at which the credits or the month change', async () => {
    const lifetimeMs = async (sequence: number) => {
      const answer = await leases.renew(aStatement({ sequence, wanted: '1' }), 'fresh');
      return answer.verdict === 'leased' ? answer.lifetimeMs : answer.verdict;
    };
    expect(await lifetimeMs(1)).toBe(10_000);
    const freshUntil = new Date(NOON.getTime() + 4_000);
    await on.publish(aQuotaState({ version: 2n, freshUntil }));
    on.clock.advance(1_500);
    expect(await lifetimeMs(2)).toBe(2_500);
    on.clock.advance(2_500);
    expect(await lifetimeMs(3)).toBe('cold');
  });
});

describe('gateways are told to give back', () => {
  const told: string[] = [];
  let subscriber: QuotaRedis['redis'];
  beforeAll(async () => {
    subscriber = on.redis.duplicate({ enableOfflineQueue: true });
    await subscriber.subscribe('tally:leases');
    subscriber.on('message', (_channel, entity) => told.push(entity));
  });
  afterAll(() => subscriber.disconnect());
  beforeEach(async () => {
    told.length = 0;
    await on.publish(aQuotaState({ monthlyCapPicos: usd('100') }));
    expect(await state({ wanted: '20' })).toBe('+20');
  });
  /** Messages come in sequence: once this one is here, so are all before it. */
  const heard = async () => {
    await on.redis.publish('tally:leases', 'that is all');
    await until('the last message', () => told.includes('that is all'));
    return told.slice(0, -1);
  };

  it('when less is left than is held, and not when enough is', async () => {
    await on.publish(aQuotaState({ version: 2n, monthlyCapPicos: usd('20') }));
    expect(await heard()).toEqual([]);
    told.length = 0;
    await on.publish(aQuotaState({ version: 3n, monthlyCapPicos: usd('19.999999999') }));
    expect(await heard()).toEqual(['entity1']);
  });

  it.each([
    { overage: 'blocked' as const, creditsPicos: usd('19') },
    { maxConcurrentRequests: 1_000 },
    { projects: [aProjectQuota({ monthlyCapPicos: usd('19') })] },
    { projects: [aProjectQuota({ maxConcurrentRequests: 1_000 })] },
    { projects: [aProjectQuota({ monthlyCapPicos: usd('19') })], hasEveryLimit: false },
    { projects: [aProjectQuota({ maxConcurrentRequests: 1_000 })], hasEveryLimit: false },
  ])('when credits, a project or requests in flight are the limit: %#', async (limits) => {
    await on.publish(aQuotaState({ version: 2n, ...limits }));
    expect(await heard()).toEqual(['entity1']);
  });

  it.each([true, false])('not for the limit of a project without a lease: %s', async (hasEveryLimit) => {
    const project = 'project2' as ProjectName;
    const projects = [aProjectQuota({ project, monthlyCapPicos: 0n, maxConcurrentRequests: 0 })];
    await on.publish(aQuotaState({ version: 2n, projects, hasEveryLimit }));
    expect(await heard()).toEqual([]);
  });

  it('when a request is denied because of holds, once until a lease is renewed with something free', async () => {
    expect(await on.reserve({ requestId: 'r', usd: '81' })).toBe('entity_monthly_cap: retry');
    expect(await on.reserve({ requestId: 'r', usd: '81' })).toBe('entity_monthly_cap: retry');
    expect(await on.reserve({ requestId: 'r', usd: '101' })).toBe('entity_monthly_cap: final');
    expect(await heard()).toEqual(['entity1']);
    told.length = 0;
    await state({ sequence: 2, wanted: '0' });
    expect(await on.reserve({ requestId: 'r', usd: '101' })).toBe('entity_monthly_cap: final');
    expect(await on.redis.exists('tally:{entity1}:leases')).toBe(0);
    await state({ sequence: 3, wanted: '20' });
    expect(await on.redis.zscore('tally:{entity1}:leases', leaseId())).toBe(String(NOON.getTime() + 10_000));
    expect(await on.reserve({ requestId: 'r', usd: '81' })).toBe('entity_monthly_cap: retry');
    expect(await heard()).toEqual(['entity1']);
  });
});
