import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { EntityName, ProjectName } from '../../src/domain/ids.js';
import { LuaScript, type LuaReply } from '../../src/quota/lua-script.js';
import { RELEASE, RESERVE } from '../../src/quota/quota-scripts.js';
import { RedisNodes } from '../../src/platform/redis-nodes.js';
import { RedisBreakers } from '../../src/quota/redis-breakers.js';
import { RedisKeys } from '../../src/quota/redis-keys.js';
import { aProjectQuota, aQuotaState, NOON, usd } from '../support/quota.js';
import { aQuotaRedis, type QuotaRedis } from '../support/quota-redis.js';

type Scripts = { readonly reserve: typeof RESERVE; readonly release: typeof RELEASE };

const WITH_FAST_PATHS: Scripts = { reserve: RESERVE, release: RELEASE };
const HOLDS = ['bounds', 'holds', 'expire-holds'];
const WHOLE: Scripts = {
  reserve: new LuaScript(
    ['reserve-arguments', ...HOLDS, 'recall-leases', 'decision', 'reserve'],
    RESERVE.inSequence,
  ),
  release: new LuaScript(['release-arguments', ...HOLDS, 'release'], RELEASE.inSequence),
};
const keysOf = new RedisKeys();
const PROJECTS = ['p', 'q'] as ProjectName[];

let on: QuotaRedis;
let breakers: RedisBreakers;
beforeAll(async () => {
  on = await aQuotaRedis();
  breakers = new RedisBreakers(new RedisNodes(on.redis));
});
afterAll(() => on.close());

const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const projects = fc.constantFrom(...PROJECTS);
const reservation = fc.record({
  does: fc.constant('reserve' as const),
  id: ids,
  project: projects,
  nanos: fc.constantFrom(0, 1, 400, 1_000, 8_999_999_999_999_000),
  learnedNanos: fc.constantFrom(null, 1, 300),
  ttlMs: fc.constantFrom(1_000, 60_000, 900_000),
});
const step = fc.oneof(
  { weight: 5, arbitrary: reservation },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('release' as const), id: ids, project: projects }) },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 999, 1_000, 30_000, 900_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('lose' as const), key: fc.nat(2) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const nanos = (count: number) => usd('0.000000001') * BigInt(count);
const cap = fc.constantFrom(null, nanos(0), nanos(1_000), nanos(2_500), usd('9000000'));
const slots = fc.constantFrom(null, 0, 2);
const state = fc.record({
  mode: fc.constantFrom('enforce' as const, 'enforce' as const, 'shadow' as const, 'off' as const),
  monthlyCapPicos: cap,
  yearlyCapPicos: cap,
  maxConcurrentRequests: slots,
  overage: fc.constantFrom('allowed' as const, 'blocked' as const),
  creditsPicos: fc.constantFrom(nanos(700), nanos(3_000), usd('9000000')),
  projects: fc.tuple(
    ...PROJECTS.map((project) =>
      fc
        .record({ monthlyCapPicos: cap, maxConcurrentRequests: slots })
        .map((limits) => aProjectQuota({ project, ...limits })),
    ),
  ),
  hasEveryLimit: fc.boolean(),
});

async function take(scripts: Scripts, entity: EntityName, does: Step, nowMs: number): Promise<LuaReply> {
  if (does.does === 'wait') return null;
  const keys = keysOf.ofHolds(entity);
  if (does.does === 'lose') return on.redis.del(keys.names[does.key]!);
  const id = `${does.project}${does.id}`;
  const now_ms = String(nowMs);
  if (does.does === 'release') return scripts.release.run(breakers, keys, { now_ms, reservation_id: id });
  const { project, learnedNanos } = does;
  return scripts.reserve.run(breakers, keysOf.ofDecision({ entity, project }), {
    now_ms,
    age_ms_max: 60_000,
    valid_from_ms: NOON.getTime() - 1,
    project_name: project,
    reservation_id: id,
    content: `${project}:1::m`,
    ttl_ms: does.ttlMs,
    weighed_nanos: Math.max(1, does.nanos),
    hold_nanos: does.nanos,
    hold_picos: `${does.nanos}000`,
    learned_nanos: learnedNanos ?? '',
    learned_picos: learnedNanos === null ? '' : `${learnedNanos}000`,
    learned_from_nanos: does.nanos * 2,
  });
}

/** Everything that the scripts keep about an entity. A missing total is the same as a total of zero. */
async function kept(entity: EntityName): Promise<unknown> {
  const [holds = '', expiry = '', ended = ''] = keysOf.ofHolds(entity).names;
  const fields = Object.entries(await on.redis.hgetall(holds)).filter(([, text]) => text !== '0');
  return [
    Object.fromEntries(fields),
    await on.redis.zrange(expiry, 0, -1, 'WITHSCORES'),
    await on.redis.zrange(ended, 0, -1, 'WITHSCORES'),
  ];
}

describe('the fast path of a script', () => {
  it('replies and stores the same as the whole script, in every history', async () => {
    const histories = fc.asyncProperty(
      state,
      fc.array(step, { minLength: 3, maxLength: 40 }),
      async (limits, steps) => {
        await on.redis.flushall();
        on.clock.set(NOON);
        const [short, long] = ['short', 'long'] as EntityName[];
        for (const entity of [short!, long!]) await on.publish(aQuotaState({ ...limits, entity }));
        let nowMs = NOON.getTime();
        for (const does of steps) {
          nowMs += does.does === 'wait' ? does.ms : 0;
          const answers = [
            await take(WITH_FAST_PATHS, short!, does, nowMs),
            await take(WHOLE, long!, does, nowMs),
          ].map((answer) => JSON.stringify(answer).replaceAll('short', 'long'));
          expect(answers[0]).toBe(answers[1]);
          expect(await kept(short!)).toEqual(await kept(long!));
        }
      },
    );
    await fc.assert(histories, { numRuns: 150 });
  });

  it('is taken by the usual reservation and release: they read no hold with a command of its own', async () => {
    await on.redis.flushall();
    on.clock.set(NOON);
    await on.publish(aQuotaState({ projects: [aProjectQuota()] }));
    await on.redis.config('RESETSTAT');
    expect(await on.reserve({ requestId: 'a' })).toBe('held');
    expect(await on.reserve({ requestId: 'b' })).toBe('held');
    const [id] = await on.redis.zrange('tally:{entity1}:expiry', 0, 0);
    await on.quota.release('entity1' as EntityName, id!);
    expect(await on.redis.info('commandstats')).not.toContain('cmdstat_hget:');
  });
});
