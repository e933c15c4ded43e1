/** A node of a Cluster dies for good while Tally works, and its replica takes its slots over: decisions, holds and a shard of the queue. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { slotOf } from '../../../packages/client/src/protocol/redis-prefix.js';
import type { TestApp } from '../../support/app.js';
import { aRedisCluster, type RedisCluster } from '../../support/redis-kinds.js';
import { aLoad, LOAD_EVENT_PICOS } from '../../support/redis-load.js';
import {
  anAppOn,
  anEventOf,
  countedIn,
  CUSTOMERS,
  differencesOf,
  reserve,
  untilCounted,
} from '../../support/redis-worlds.js';
import { until } from '../../support/until.js';

/** A job that a worker had when the node died waits for its lock, and for the next look for such jobs. */
const COUNTED_SECONDS_MAX = 240;
const SHARDS = 3;

let cluster: RedisCluster;
let app: TestApp;
beforeAll(async () => {
  cluster = await aRedisCluster({ hasReplicas: true });
  app = await anAppOn({ REDIS_URL: cluster.url, QUEUE_SHARDS: String(SHARDS) });
});
afterAll(async () => {
  await app?.close();
  await cluster?.stop();
});

const nodeOf = (entity: string): number => Math.floor((slotOf(entity) * 3) / 16_384);
it('every request is answered, every accepted event is counted once, and the replica decides', async () => {
  const before = CUSTOMERS.map((entity) => anEventOf(app, entity, 'before'));
  const after = CUSTOMERS.map((entity) => anEventOf(app, entity, 'after'));
  const post = async (body: unknown) => (await app.call('POST /v1/usage/events', { body })).status;
  const [dead, replica] = [cluster.nodes[0]!, cluster.replicas[0]!];
  const [own, other] = [0, 1].map((node) => CUSTOMERS.find((entity) => nodeOf(entity) === node)!);
  const working = await aLoad(app, cluster.url, [own!, other!]);
  await working.goesOn('all goes well');
  expect(await post(before)).toBe(202);
  // What the replica has not heard is lost with its master; this it has.
  expect(await dead.redis.wait(1, 0)).toBe(1);
  await dead.kill();
  await working.goesOn('decisions go on without the node');
  await until('the replica has taken over', async () =>
    (await replica.redis.info('replication')).includes('role:master'),
  );
  await until('all is whole', async () => (await app.call('GET /readyz')).body.status === 'ok');
  await working.goesOn('all goes well again');
  await until('the replica decides', async () => {
    const { status, body } = await reserve(app, own!, `after-${working.asked()}`);
    expect(status).toBe(201);
    return body.degraded === undefined;
  });
  await until('usage is taken', async () => {
    const status = await post(after);
    expect([202, 503]).toContain(status);
    return status === 202;
  });
  const { reported, statuses } = await working.stop();
  expect([...statuses.keys()]).toEqual([201]);
  const events = reported + before.length + after.length;
  await untilCounted(app, events, COUNTED_SECONDS_MAX);
  expect((await countedIn(app)).costPicos).toBe(LOAD_EVENT_PICOS * BigInt(events));
  expect(await replica.redis.exists(`tally:{${own}}:state`)).toBe(1);
  expect(await differencesOf(app)).toEqual([]);
});
