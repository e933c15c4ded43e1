/** Tally over a Cluster of three nodes, each of which has a third of the slots. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { listenForLeaseRecalls } from '../../../packages/client/src/leases/lease-recalls.js';
import { slotOf } from '../../../packages/client/src/protocol/redis-prefix.js';
import type { TestApp } from '../../support/app.js';
import { aRedisCluster, type RedisCluster, type RedisProcess } from '../../support/redis-kinds.js';
import {
  anAppOn,
  anEventOf,
  CUSTOMERS,
  differencesOf,
  heldBy,
  reportFromOutside,
  reserve,
  untilCounted,
  useAll,
} from '../../support/redis-worlds.js';
import { leaseId } from '../../support/leases.js';
import { until } from '../../support/until.js';

const SHARDS = 2;
const NOTHING_HELD = Object.fromEntries(CUSTOMERS.map((entity) => [entity, '0']));

let cluster: RedisCluster;
let app: TestApp;
beforeAll(async () => {
  cluster = await aRedisCluster();
  app = await anAppOn({ REDIS_URL: cluster.url, QUEUE_SHARDS: String(SHARDS) });
});
afterAll(async () => {
  for (const node of cluster.nodes) node.thaw();
  await app.close();
  await cluster.stop();
});

const keysOf = async ({ redis }: RedisProcess): Promise<string[]> => redis.keys('*');
let statements = 0;
const grantedLease = async (entity: string): Promise<string> => {
  const { body } = await app.call('POST /v1/quota/leases', {
    body: {
      lease_id: leaseId('a', entity),
      project: `${entity}/project1`,
      sequence: (statements += 1),
      outstanding_usd: '0',
      free_usd: '0',
      wanted_usd: '0.01',
      largest_hold_usd: '0',
    },
  });
  return body.granted_usd;
};
const nodeOf = (entity: string): number => Math.floor((slotOf(entity) * 3) / 16_384);
const onNode = (node: number): string[] => CUSTOMERS.filter((entity) => nodeOf(entity) === node);

describe('on a Cluster', () => {
  it('reservations, releases, usage over both doors and settling work for customers on every node', async () => {
    for (const node of [0, 1, 2]) expect(onNode(node)).not.toEqual([]);
    await useAll(app);
    await reportFromOutside(app, { redisUrl: cluster.url, shards: SHARDS });
    await untilCounted(app, 2 * CUSTOMERS.length);
    await until('no hold is left', async () =>
      Object.values(await heldBy(app)).every((held) => held === '0'),
    );
    expect(await heldBy(app)).toEqual(NOTHING_HELD);
    expect(await differencesOf(app)).toEqual([]);
  });

  it('a producer that knows of no shards is counted as well', async () => {
    await reportFromOutside(app, { redisUrl: cluster.url });
    await untilCounted(app, 2 * CUSTOMERS.length);
    const again = await app.call('POST /v1/usage/events', {
      body: CUSTOMERS.map((entity) => anEventOf(app, entity, 'more')),
    });
    expect(again.body).toMatchObject({ accepted: CUSTOMERS.length });
    await untilCounted(app, 3 * CUSTOMERS.length);
  });

  it('every node keeps the customers of its slots, and the shards of the queue lie on different ones', async () => {
    const keys = await Promise.all(cluster.nodes.map(keysOf));
    for (const [node, names] of keys.entries())
      for (const entity of CUSTOMERS)
        expect([entity, names.includes(`tally:{${entity}}:state`)]).toEqual([
          entity,
          nodeOf(entity) === node,
        ]);
    const withShard = (n: number) =>
      keys.findIndex((names) => names.some((key) => key.includes(`:usage-events-${n}:`)));
    const nodes = [withShard(0), withShard(1)];
    expect(new Set(nodes).size).toBe(SHARDS);
    expect(nodes).not.toContain(-1);
  });

  it('a call goes to its node at once: none was moved', async () => {
    for (const { redis } of cluster.nodes) await redis.config('RESETSTAT');
    for (const entity of CUSTOMERS) expect((await reserve(app, entity, 'at-once')).status).toBe(201);
    for (const entity of CUSTOMERS)
      await app.call('POST /v1/quota/reservations/release', {
        body: { project: `${entity}/project1`, request_id: 'at-once' },
      });
    const errors = await Promise.all(cluster.nodes.map(({ redis }) => redis.info('errorstats')));
    expect(errors.join()).not.toMatch(/MOVED|ASK|CROSSSLOT/);
  });

  it('a lease is granted, and a cap that is lowered below it takes it back on whichever node it lies', async () => {
    const recalled = new Set<string | null>();
    const recalls = listenForLeaseRecalls(
      { recall: async (entity) => void recalled.add(entity) },
      { redisUrl: cluster.url, onFailure: () => {} },
    );
    try {
      const [one, two] = [onNode(0)[0]!, onNode(2)[0]!];
      await until('both are heard of', async () => {
        for (const entity of [one, two]) {
          await app.limit(entity, { monthly_cap_usd: '1000' });
          expect(await grantedLease(entity)).toBe('0.01');
          await app.limit(entity, { monthly_cap_usd: '0.000001' });
        }
        return recalled.has(one) && recalled.has(two);
      });
      for (const entity of [one, two]) await app.limit(entity, { monthly_cap_usd: '1000' });
    } finally {
      recalls.close();
    }
  });

  it('what is deleted leaves nothing on any node, and a plan that changes reaches customers nobody created', async () => {
    expect((await reserve(app, 'nobody-yet', 'first')).status).toBe(429);
    await app.call('PUT /v1/admin/plans/free', { body: { overage: 'allowed' } });
    expect((await reserve(app, 'nobody-yet', 'second')).status).toBe(201);
    await app.call('PUT /v1/admin/plans/free', { body: { overage: 'blocked' } });
    await app.call('PUT /v1/admin/entities/short-lived', { body: { plan: 'pro' } });
    expect((await reserve(app, 'short-lived', 'only')).status).toBe(201);
    expect((await app.call('DELETE /v1/admin/entities/short-lived')).status).toBeLessThan(300);
    const keys = (await Promise.all(cluster.nodes.map(keysOf))).flat();
    expect(keys.filter((key) => /short-lived.*(holds|expiry|ended|denied)/.test(key))).toEqual([]);
  });
});

describe('while one node is silent', () => {
  it('customers of the others get decisions by Redis, its own get theirs by Postgres, and all is whole afterwards', async () => {
    const [silent, heard] = [onNode(0)[0]!, onNode(1)[0]!];
    expect((await reserve(app, silent, 'before')).body.degraded).toBeUndefined();
    cluster.nodes[0]!.freeze();
    let n = 0;
    await until('its own are decided by Postgres', async () => {
      const { status, body } = await reserve(app, silent, `silent-${(n += 1)}`);
      expect(status).toBe(201);
      return body.degraded === true;
    });
    for (let m = 0; m < 50; m += 1) {
      const answer = await reserve(app, heard, `heard-${m}`);
      expect([answer.status, answer.body.degraded]).toEqual([201, undefined]);
    }
    const { status, body } = await app.call('GET /readyz');
    expect([status, body]).toEqual([200, { status: 'degraded', checks: { postgres: 'ok', redis: 'away' } }]);
    cluster.nodes[0]!.thaw();
    await until('all is whole', async () => (await app.call('GET /readyz')).body.status === 'ok');
    await until(
      'its own are decided by Redis again',
      async () => (await reserve(app, silent, `after-${(n += 1)}`)).body.degraded === undefined,
    );
    const events = CUSTOMERS.map((entity) => anEventOf(app, entity, 'after the silence'));
    await until(
      'usage is taken',
      async () => (await app.call('POST /v1/usage/events', { body: events })).status === 202,
    );
    await untilCounted(app, 4 * CUSTOMERS.length);
    expect(await differencesOf(app)).toEqual([]);
  });
});
