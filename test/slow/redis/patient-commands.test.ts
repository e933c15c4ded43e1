/** What a worker asks of a Cluster while one of its nodes is lost. */
import { afterAll, beforeAll, it } from '@jest/globals';
import { redisAddressOf } from '@tally/client/protocol';
import type { RedisClient } from '@tally/client/redis';
import { slotOf } from '../../../packages/client/src/protocol/redis-prefix.js';
import { connectTo } from '../../../src/platform/redis.js';
import { aRedisCluster, type RedisCluster } from '../../support/redis-kinds.js';
import { until } from '../../support/until.js';

const SLOTS_OF_A_NODE = 16_384 / 3;

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await aRedisCluster({ hasReplicas: true });
});
afterAll(() => cluster?.stop());

/** What each of these has come to. */
function watched(commands: readonly Promise<unknown>[]) {
  const states = commands.map(() => 'waits');
  for (const [index, command] of commands.entries())
    command.then(
      () => (states[index] = 'answered'),
      () => (states[index] = 'failed'),
    );
  return states;
}

function aClient(): RedisClient {
  return connectTo(redisAddressOf(cluster.url), 'patient');
}

/** Of the keys of a node. */
const keysOf = (node: number): string[] =>
  Array.from({ length: 300 }, (_, n) => `key-${n}`).filter(
    (key) => Math.floor(slotOf(key) / SLOTS_OF_A_NODE) === node,
  );

it('a lost node leaves no command waiting: its replica answers each, and those of a connection that closes fail', async () => {
  const [client, blocking] = [aClient(), aClient()];
  const [list, ...keys] = keysOf(0) as [string, ...string[]];
  await Promise.all([client, blocking].map((each) => each.zcard(list)));
  const [dead, replica] = [cluster.nodes[0]!, cluster.replicas[0]!];
  const first = watched([blocking.bzpopmin(list, 0)]);
  await until('the node knows who blocks', async () =>
    (await dead.redis.info('clients')).includes('blocked_clients:1'),
  );
  await dead.kill();
  const commands: Promise<unknown>[] = [];
  await until('the replica has taken over', async () => {
    commands.push(client.set(keys[commands.length % keys.length]!, 'later'));
    return (await replica.redis.info('replication')).includes('role:master');
  });
  const states = watched(commands);
  await until('every command is answered', () => states.every((state) => state === 'answered'));
  await client.zadd(list, 1, 'a job');
  await until('who blocked has what came', () => first[0] === 'answered');
  const second = watched([blocking.bzpopmin(list, 0)]);
  await until('the replica knows who blocks', async () =>
    (await replica.redis.info('clients')).includes('blocked_clients:1'),
  );
  blocking.disconnect();
  await until('nothing waits on a closed connection', () => second[0] === 'failed');
  client.disconnect();
});

it('a connection that closes fails a command that waits to be sent again since its node was lost', async () => {
  const client = aClient();
  // As BullMQ makes those on which its workers wait for jobs. In which order the nodes of each end is chance.
  const blocking = Array.from({ length: 8 }, () => client.duplicate());
  const [list] = keysOf(1) as [string];
  const dead = cluster.nodes[1]!;
  await Promise.all(blocking.map((each) => each.zcard(list)));
  const states = watched(blocking.map((each) => each.bzpopmin(list, 0)));
  await until('the node knows who blocks', async () =>
    (await dead.redis.info('clients')).includes('blocked_clients:8'),
  );
  for (const each of blocking) each.once('-node', () => each.disconnect());
  await dead.kill();
  await until('nothing waits on a closed connection', () => states.every((state) => state === 'failed'));
  client.disconnect();
});
