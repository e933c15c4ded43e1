/** What all customers hold together, as the metrics say it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Metrics } from '../../src/platform/metrics.js';
import { RedisNodes } from '../../src/platform/redis-nodes.js';
import { HoldTotals } from '../../src/quota/hold-totals.js';
import { RedisLeases } from '../../src/quota/redis-leases.js';
import { aStatement } from '../support/leases.js';
import { aQuotaState, NOON } from '../support/quota.js';
import { aQuotaRedis, type QuotaRedis } from '../support/quota-redis.js';
import type { EntityName } from '../../src/domain/ids.js';

const HOLDS = 100_000;
const going = new AbortController().signal;

let on: QuotaRedis;
let totals: HoldTotals;
beforeAll(async () => {
  on = await aQuotaRedis();
  totals = new HoldTotals(new RedisNodes(on.redis), on.clock, new Metrics());
});
afterAll(() => on.close());
beforeEach(async () => {
  await on.redis.flushall();
  on.clock.set(NOON);
  for (const entity of ['entity1', 'entity2'])
    await on.publish(aQuotaState({ entity: entity as EntityName }));
});

const summed = async () => {
  await totals.sum(going);
  return totals.read();
};

describe('what all customers hold', () => {
  it('is not known before it was added up, and for five minutes afterwards', async () => {
    expect(await totals.read()).toBeNull();
    expect(await summed()).toEqual({ count: 0, nanos: 0n });
    const [key] = await on.redis.keys('tally:held');
    const leftMs = await on.redis.pttl(key!);
    expect([leftMs > 290_000, leftMs <= 300_000]).toEqual([true, true]);
  });

  it('is the sum of their requests in flight and leases, without what has ended or expired', async () => {
    await on.reserve({ requestId: 'a', usd: '1.5' });
    await on.reserve({ requestId: 'free', usd: '0' });
    await on.reserve({ subject: 'entity2/p', requestId: 'b', usd: '2' });
    await on.reserve({ subject: 'entity2/p', requestId: 'short', usd: '4', ttlSeconds: 1 });
    await new RedisLeases(on.quota).renew(aStatement({ wanted: '0', outstanding: '8' }), 'fresh');
    expect(await summed()).toEqual({ count: 5, nanos: 15_500_000_000n });
    on.clock.advance(2_000);
    // Nobody asks about this customer again, so nothing else ends its hold.
    expect(await summed()).toEqual({ count: 4, nanos: 11_500_000_000n });
    expect((await on.held('entity2')).requestCount).toBe(1);
  });

  it('counts no other key, such as that of a customer with a strange name or of another deployment', async () => {
    await on.redis.hset('staging:tally:{entity1}:holds', { nanos: 5, count: 5 });
    await on.redis.set('tally:{entity1}:state:holds', 'x');
    expect(await summed()).toEqual({ count: 0, nanos: 0n });
  });

  it(`costs one script for each customer with holds, however many holds there are: ${HOLDS}`, async () => {
    const script = `
      for number = 1, tonumber(ARGV[1]) do
        redis.call('HSET', KEYS[1], 'res_' .. number, '10:10000:2026-11/1:p:1:1:m')
        redis.call('ZADD', KEYS[2], ARGV[2], 'res_' .. number)
      end
      redis.call('HSET', KEYS[1], 'count', ARGV[1], 'nanos', 10 * ARGV[1], 'count/p', ARGV[1], 'nanos/p', 10 * ARGV[1])`;
    const keys = ['tally:{entity1}:holds', 'tally:{entity1}:expiry'];
    await on.redis.eval(script, 2, ...keys, HOLDS, NOON.getTime() + 60_000);
    await on.reserve({ subject: 'entity2/p', requestId: 'b', usd: '2' });
    await summed();
    await on.redis.config('RESETSTAT');
    expect(await summed()).toEqual({ count: HOLDS + 1, nanos: 2_000_000_000n + 10n * BigInt(HOLDS) });
    const stats = await on.redis.info('commandstats');
    const calls = [...stats.matchAll(/^cmdstat_(\w+):calls=(\d+)/gm)].map(([, name, count]) => [
      name,
      Number(count),
    ]);
    // The scripts' own commands are counted too.
    expect(Object.fromEntries(calls)).toMatchObject({ scan: 1, evalsha: 2, zcard: 2, zrangebyscore: 2 });
    expect(calls.map(([name]) => name)).not.toContain('hgetall');
  });
});
