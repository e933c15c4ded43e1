/** Many entities share a script; each of them is published as if it were alone. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { EntityName, ProjectName } from '../../src/domain/ids.js';
import type { QuotaState } from '../../src/domain/quota-limits.js';
import { NotPublished } from '../../src/quota/state-publication.js';
import { aProjectQuota, aQuotaState, aSubject, NOON, usd } from '../support/quota.js';
import { aQuotaRedis, idOf, sized, type QuotaRedis } from '../support/quota-redis.js';

let on: QuotaRedis;
beforeAll(async () => (on = await aQuotaRedis()));
afterAll(() => on.close());
beforeEach(async () => {
  await on.redis.flushall();
  on.clock.set(NOON);
});

/** More than one script takes. */
const ENTITIES = Array.from({ length: 50 }, (_, index) => `e${index}` as EntityName);
const KEYS = ['holds', 'expiry', 'ended', 'state'] as const;

const withCap = (entity: EntityName, version: bigint, override: Partial<QuotaState> = {}): QuotaState =>
  aQuotaState({ entity, version, monthlyCapPicos: usd(String(version)), projects: [], ...override });
const hold = (entity: EntityName, requestId = 'a') =>
  on.reserve({ requestId, subject: `${entity}/project1`, usd: '0.1' });
const holdId = (entity: EntityName, requestId = 'a') => idOf(requestId, aSubject(`${entity}/project1`));
/** The cap by which a decision is made, which is the version of the state. */
const versionSeen = async (entity: EntityName) => {
  const answer = await on.quota.check(aSubject(`${entity}/project1`), 'aged');
  return answer.verdict === 'cold' ? null : answer.question.version;
};
const failedOf = (published: Promise<unknown>) =>
  published.then(
    () => [],
    (error: unknown) => (error instanceof NotPublished ? [...error.entities].toSorted() : error),
  );

describe('states that are published together', () => {
  it('replace only earlier versions of their own entity, in every sequence, and end only its holds', async () => {
    const publication = fc.array(
      fc.record({ entity: fc.nat(ENTITIES.length - 1), version: fc.bigInt(1n, 9n), isEnded: fc.boolean() }),
      { minLength: 1, maxLength: 45 },
    );
    const histories = fc.asyncProperty(
      fc.array(publication, { minLength: 1, maxLength: 5 }),
      async (history) => {
        await on.redis.flushall();
        const first = ENTITIES.map((entity) => withCap(entity, 1n));
        await on.quota.publish(first, new Map());
        for (const entity of ENTITIES) expect(await hold(entity)).toBe('held');
        const versions = new Map(ENTITIES.map((entity) => [entity, 1n]));
        const held = new Set(ENTITIES);
        for (const parts of history) {
          const byEntity = new Map(parts.map((part) => [ENTITIES[part.entity]!, part]));
          const states = [...byEntity].map(([entity, { version }]) => withCap(entity, version));
          const ended = new Map(
            [...byEntity].map(([entity, { isEnded }]) => [entity, isEnded ? [holdId(entity)] : []]),
          );
          const later = await on.quota.publish(states, ended);
          for (const [entity, { version, isEnded }] of byEntity) {
            const before = versions.get(entity)!;
            expect(later.get(entity)).toBe(before > version ? before : undefined);
            versions.set(entity, before > version ? before : version);
            if (isEnded) held.delete(entity);
          }
        }
        for (const entity of ENTITIES) {
          expect(await versionSeen(entity)).toBe(versions.get(entity));
          expect((await on.held(entity)).requestCount).toBe(held.has(entity) ? 1 : 0);
        }
      },
    );
    await fc.assert(histories, { numRuns: 15 });
  });

  it.each(KEYS)('are all published but the one whose key is no such key, which is named: %s', async (bad) => {
    const first = ENTITIES.map((entity) => withCap(entity, 1n));
    await on.quota.publish(first, new Map());
    for (const entity of ENTITIES) await hold(entity);
    await on.redis.set(`tally:{e7}:${bad}`, 'bad');
    const ended = new Map(ENTITIES.map((entity) => [entity, [holdId(entity)]]));
    const states = ENTITIES.map((entity) => withCap(entity, 2n));
    expect(await failedOf(on.quota.publish(states, ended))).toEqual(['e7']);
    for (const entity of ENTITIES.filter((name) => name !== 'e7')) {
      expect(await versionSeen(entity)).toBe(2n);
      expect((await on.held(entity)).requestCount).toBe(0);
    }
    await on.redis.del(...[...KEYS].map((key) => `tally:{e7}:${key}`));
    expect(await failedOf(on.quota.publish(states, ended))).toEqual([]);
    expect(await versionSeen('e7' as EntityName)).toBe(2n);
  });

  it.each(['holds', 'expiry'])(
    'lose the holds of the one that lost half of them, and no other: %s',
    async (lost) => {
      await on.quota.publish(
        ENTITIES.map((entity) => withCap(entity, 1n)),
        new Map(),
      );
      for (const entity of ENTITIES) await hold(entity);
      await on.redis.del(`tally:{e7}:${lost}`);
      await on.quota.publish(
        ENTITIES.map((entity) => withCap(entity, 2n)),
        new Map(),
      );
      for (const entity of ENTITIES)
        expect((await on.held(entity)).requestCount).toBe(entity === 'e7' ? 0 : 1);
      expect(await on.redis.exists('tally:{e7}:holds', 'tally:{e7}:expiry')).toBe(0);
    },
  );

  it('take few calls: at most 45 for 1,000 events of 630 customers', async () => {
    const entities = Array.from({ length: 630 }, (_, index) => `customer${index}` as EntityName);
    const ended = new Map<EntityName, string[]>(entities.map((entity) => [entity, []]));
    for (let event = 0; event < 1_000; event += 1) {
      const entity = entities[event % entities.length]!;
      ended.get(entity)!.push(holdId(entity, `r${event}`));
    }
    await on.redis.config('RESETSTAT');
    await on.quota.publish(
      entities.map((entity) => withCap(entity, 1n)),
      ended,
    );
    const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await on.redis.info('commandstats'))?.[1];
    expect(Number(calls)).toBeLessThanOrEqual(45);
  });

  it('keep no key for a project: one without a limit is known to have none', async () => {
    await on.publish(
      aQuotaState({ projects: [aProjectQuota(), aProjectQuota({ maxConcurrentRequests: 1 })] }),
    );
    expect(await on.redis.keys('*')).toEqual(['tally:{entity1}:state']);
    expect(await on.reserve({ requestId: 'a', subject: 'entity1/another' })).toBe('held');
  });
});

describe('a limit of a project', () => {
  const PROJECTS = ['p0', 'p1', 'p2'] as ProjectName[];
  const project = fc.constantFrom(...PROJECTS);
  /** A change of one project's cap; and whether the entity's limited projects fit into a state from then on. */
  const change = fc.record({ project, isCapped: fc.boolean(), hasEveryLimit: fc.boolean() });
  type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

  const capOf = (changes: readonly Change[], name: ProjectName, version: number) => {
    const index = changes.slice(0, version).findLastIndex((each) => each.project === name);
    return changes[index]?.isCapped === true ? usd(String(index + 1)) : null;
  };
  /** What Postgres has as of a version, read for one project. */
  const stateAt = (changes: readonly Change[], version: number, asked: ProjectName): QuotaState => {
    const { hasEveryLimit } = changes[version - 1]!;
    const projects = PROJECTS.map((name) =>
      aProjectQuota({ project: name, monthlyCapPicos: capOf(changes, name, version) }),
    ).filter((each) => each.project === asked || (hasEveryLimit && each.monthlyCapPicos !== null));
    return aQuotaState({ version: BigInt(version), projects, hasEveryLimit });
  };
  /** As StateCache does: where Redis has a later state, what changed is read again. */
  const publishAt = async (changes: readonly Change[], version: number, asked: ProjectName) => {
    const later = await on.quota.publish([stateAt(changes, version, asked)], new Map());
    if (later.size > 0) await on.quota.publish([stateAt(changes, changes.length, asked)], new Map(), later);
  };

  /** By a check and by a reservation; nothing while the state is cold. */
  const capsSeen = async (name: ProjectName) => {
    const subject = { entity: aSubject().entity, project: name };
    const [order, size] = sized({ requestId: 'a', subject: `entity1/${name}`, usd: '0.1' });
    const answers = [await on.quota.check(subject, 'fresh'), await on.quota.reserve(order, size, 'fresh')];
    await on.quota.release(subject.entity, order.id);
    await on.redis.del('tally:{entity1}:ended');
    return answers.flatMap((answer) =>
      answer.verdict === 'cold' ? [] : [answer.question.project.monthlyCapPicos],
    );
  };

  it('is in force for the next decision after its publication, in every sequence of publications', async () => {
    const histories = fc.asyncProperty(
      fc.array(change, { minLength: 2, maxLength: 7 }),
      fc.array(fc.record({ version: fc.nat(), project }), { maxLength: 6 }),
      fc.infiniteStream(fc.nat()),
      async (changes, usage, random) => {
        await on.redis.flushall();
        const left = [
          ...changes.map((each, index) => ({ version: index + 1, project: each.project })),
          ...usage.map((each) => ({ ...each, version: 1 + (each.version % changes.length) })),
        ];
        const inForce = new Map<ProjectName, number>();
        while (left.length > 0) {
          const [next] = left.splice(random.next().value! % left.length, 1);
          await publishAt(changes, next!.version, next!.project);
          if (changes[next!.version - 1]!.project === next!.project)
            inForce.set(next!.project, Math.max(next!.version, inForce.get(next!.project) ?? 0));
          for (const name of PROJECTS) {
            const versions = Array.from({ length: changes.length + 1 }, (_, version) => version);
            const allowed = versions.slice(inForce.get(name) ?? 0).map((at) => capOf(changes, name, at));
            for (const cap of await capsSeen(name)) expect(allowed).toContain(cap);
          }
        }
      },
    );
    await fc.assert(histories, { numRuns: 100 });
  });
});
