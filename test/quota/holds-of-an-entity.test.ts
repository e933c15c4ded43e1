/** How many holds an entity may have, since those that cost nothing pass every limit of money. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { decide, HOLDS_OF_ENTITY_MAX, unlimited } from '../../src/domain/quota-limits.js';
import { denialOf } from '../../src/domain/quota-denial.js';
import { RedisLeases } from '../../src/quota/redis-leases.js';
import { aFinished, aStatement } from '../support/leases.js';
import { aQuotaState, aSubject, NOON } from '../support/quota.js';
import { aQuotaRedis, type QuotaRedis } from '../support/quota-redis.js';

let on: QuotaRedis;
beforeAll(async () => (on = await aQuotaRedis()));
afterAll(() => on.close());
beforeEach(async () => {
  await on.redis.flushall();
  on.clock.set(NOON);
  await on.publish(aQuotaState({}));
});

/** So many holds of nothing, all of which end later. */
async function fill(count: number): Promise<void> {
  const script = `
    for number = 1, tonumber(ARGV[1]) do redis.call('ZADD', KEYS[2], ARGV[2], 'res_' .. number) end
    redis.call('HSET', KEYS[1], 'count', ARGV[1])`;
  const keys = ['tally:{entity1}:holds', 'tally:{entity1}:expiry'];
  await on.redis.eval(script, 2, ...keys, count, NOON.getTime() + 60_000);
}

describe('the holds of an entity', () => {
  it('are bounded where it has no limit of its own for requests in flight, also those that cost nothing', async () => {
    await fill(HOLDS_OF_ENTITY_MAX - 1);
    expect(await on.reserve({ requestId: 'last', usd: '0' })).toBe('held');
    expect(await on.reserve({ requestId: 'more', usd: '0' })).toBe('entity_concurrency: retry');
    expect(await on.reserve({ requestId: 'last', usd: '0' })).toBe('held');
    expect(await on.reserve({ subject: 'entity2/p', requestId: 'other', usd: '0' })).toBe('cold');
    on.clock.advance(50_000);
    await on.publish(aQuotaState({ version: 2n, maxConcurrentRequests: HOLDS_OF_ENTITY_MAX + 1 }));
    expect(await on.reserve({ requestId: 'more', usd: '0' })).toBe('held');
  });

  it('are not made by new leases, or by what leases have finished, beyond that', async () => {
    await fill(HOLDS_OF_ENTITY_MAX);
    const leases = new RedisLeases(on.quota);
    const statement = aStatement({ wanted: '1', outstanding: '1', finished: [aFinished('f', '0')] });
    expect(await leases.renew(statement, 'fresh')).toMatchObject({
      verdict: 'leased',
      grantedPicos: 0n,
      reason: 'concurrency_limited',
    });
    await leases.end(statement, 'fresh');
    expect((await on.held()).requestCount).toBe(HOLDS_OF_ENTITY_MAX);
  });

  it('have that bound in shadow mode too: more requests run, and hold nothing', async () => {
    await on.publish(aQuotaState({ version: 2n, mode: 'shadow' }));
    await fill(HOLDS_OF_ENTITY_MAX - 1);
    expect(await on.reserve({ requestId: 'last', usd: '1' })).toBe('held');
    expect((await on.held()).requestCount).toBe(HOLDS_OF_ENTITY_MAX);
    expect(await on.reserve({ requestId: 'more', usd: '1' })).toMatch(/^held/);
    expect((await on.held()).requestCount).toBe(HOLDS_OF_ENTITY_MAX);
    // Below the bound what a limit of its own would have denied is held, as ever.
    await on.publish(
      aQuotaState({ version: 3n, mode: 'shadow', maxConcurrentRequests: HOLDS_OF_ENTITY_MAX + 1 }),
    );
    expect(await on.reserve({ requestId: 'above', usd: '1' })).toMatch(/^held/);
    expect((await on.held()).requestCount).toBe(HOLDS_OF_ENTITY_MAX + 1);
    await on.publish(aQuotaState({ version: 4n, mode: 'shadow', maxConcurrentRequests: 1 }));
    expect(await on.reserve({ requestId: 'beyond', usd: '1' })).toMatch(/^held/);
    expect((await on.held()).requestCount).toBe(HOLDS_OF_ENTITY_MAX + 1);
  });

  it('have the same bound where Postgres decides, and the denial names it', () => {
    const { entity, project } = aSubject();
    const held = { nanos: 0, count: HOLDS_OF_ENTITY_MAX };
    const question = {
      entity: aQuotaState({ entity }),
      project: unlimited(project),
      holds: { entity: held, project: held },
    };
    const exceeded = decide(question, 0n);
    expect(exceeded).toEqual({ limit: 'entity_concurrency', retryable: true });
    expect(denialOf(question, exceeded!)).toMatchObject({
      limit: 'concurrency',
      limitCount: HOLDS_OF_ENTITY_MAX,
    });
    const bounds = readFileSync(new URL('../../src/quota/lua/bounds.lua', import.meta.url), 'utf8');
    expect(bounds).toContain(`HOLDS_MAX = ${HOLDS_OF_ENTITY_MAX}\n`);
  });
});
