/** Replicas of a Cluster take over by hand, one after the other and back, without having heard all that their masters had (`TAKEOVER`). */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { TestApp } from '../../support/app.js';
import { aRedisCluster, type RedisCluster, type RedisProcess } from '../../support/redis-kinds.js';
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

const TAKEOVERS = 6;
const AT_A_TIME = 8;

let cluster: RedisCluster;
let app: TestApp;
beforeAll(async () => {
  cluster = await aRedisCluster({ hasReplicas: true });
  app = await anAppOn({ REDIS_URL: cluster.url, QUEUE_SHARDS: '3', QUEUE_REPLICAS_MIN: '1' });
});
afterAll(async () => {
  await app?.close();
  await cluster?.stop();
});

const saysOfItself = async ({ redis }: RedisProcess, text: string) =>
  (await redis.info('replication')).includes(text);

async function takeOver(master: RedisProcess, replica: RedisProcess): Promise<void> {
  await replica.redis.call('CLUSTER', 'FAILOVER', 'TAKEOVER');
  await until('the replica is the master', () => saysOfItself(replica, 'role:master'));
  await until('the old one follows it', async () => saysOfItself(master, 'master_link_status:up'));
}

/** Reports one event after the other until it is stopped; what is refused for now goes on the list. */
async function report(name: string, work: Work): Promise<void> {
  for (let n = 0; work.isOn; n += 1) {
    const event = anEventOf(app, CUSTOMERS[n % CUSTOMERS.length]!, `${name}-${n}`);
    const { status } = await app.call('POST /v1/usage/events', { body: event });
    work.reported.add(status);
    (status === 202 ? work.accepted : work.refused).push(event);
  }
}

async function decide(work: Work): Promise<void> {
  for (let n = 0; work.isOn; n += 1) {
    const { status } = await reserve(app, CUSTOMERS[n % CUSTOMERS.length]!, `r${n}`);
    work.decided.add(status);
  }
}

type Work = {
  isOn: boolean;
  readonly accepted: unknown[];
  readonly refused: unknown[];
  /** Statuses of reports, and of reservations. */
  readonly reported: Set<number>;
  readonly decided: Set<number>;
};

it('with QUEUE_REPLICAS_MIN=1 no accepted event is lost and none is counted twice, and requests are answered throughout', async () => {
  const work: Work = {
    isOn: true,
    accepted: [],
    refused: [],
    reported: new Set(),
    decided: new Set(),
  };
  const reporters = Array.from({ length: AT_A_TIME }, (_, n) => report(`reporter-${n}`, work));
  const working = [...reporters, decide(work)];
  let [master, replica] = [cluster.nodes[0]!, cluster.replicas[0]!];
  for (let n = 0; n < TAKEOVERS; n += 1) {
    const before = work.accepted.length;
    await until('usage is accepted', () => work.accepted.length > before + 50);
    await takeOver(master, replica);
    [master, replica] = [replica, master];
  }
  work.isOn = false;
  await Promise.all(working);
  expect([...work.reported].filter((status) => status !== 202 && status !== 503)).toEqual([]);
  expect([...work.decided]).toEqual([201]);
  await until('all is whole', async () => (await app.call('GET /readyz')).body.status === 'ok');
  // What was refused for now is sent again, as a gateway does.
  for (const event of work.refused) {
    await until(
      'it is taken',
      async () => (await app.call('POST /v1/usage/events', { body: event })).status === 202,
    );
  }
  await untilCounted(app, work.accepted.length + work.refused.length, 240);
  expect((await countedIn(app)).events).toBe(work.accepted.length + work.refused.length);
  expect(await differencesOf(app)).toEqual([]);
});
