/** A start over a Cluster of which a node is down: it serves what the others have. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Cluster } from 'ioredis';
import { Logger } from '../../src/platform/logger.js';
import { connectAll, disconnectAll, untilAllServe } from '../../src/platform/redis-connections.js';
import { untilServing } from '../../src/platform/redis-start.js';
import { aRedisCluster, type RedisCluster } from '../support/redis-kinds.js';
import { until } from '../support/until.js';

class KeptLog extends Logger {
  readonly warnings: object[] = [];
  constructor() {
    super('silent');
  }
  override warn(event: string, fields = {}): void {
    this.warnings.push({ event, ...fields });
  }
}

let cluster: RedisCluster;
let log: KeptLog;
beforeEach(async () => {
  cluster = await aRedisCluster();
  log = new KeptLog();
});
afterEach(() => cluster.stop());

const settings = () => ({ redisUrl: cluster.url, queueRedisUrl: null, redisPrefix: null });
const nameOf = (index: number) => `127.0.0.1:${cluster.nodes[index]!.port}`;

async function start(): Promise<void> {
  const connections = connectAll(settings());
  await untilAllServe(connections, settings(), log).finally(() => disconnectAll(connections));
}

async function kill(index: number): Promise<void> {
  await cluster.nodes[index]!.kill();
  await until('the others know that it is down', async () =>
    String(await cluster.nodes[0]!.redis.cluster('NODES')).includes('master,fail '),
  );
}

describe('a start over a Cluster', () => {
  it('goes on while a node is down, and names it', async () => {
    await kill(2);
    await start();
    expect(log.warnings).toEqual([
      {
        event: 'a node of redis is unavailable, so nobody can see whether it evicts keys',
        node: nameOf(2),
        reason: expect.any(String),
      },
    ]);
  });

  it('refuses one whose other nodes answer that they evict keys, also while a node is down', async () => {
    await kill(1);
    await cluster.nodes[2]!.redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expect(start()).rejects.toThrow(
      `at ${nameOf(2)} evicts keys when its memory is full (maxmemory-policy allkeys-lru)`,
    );
  });

  it('asks nothing of a node that has no slot', async () => {
    const connections = connectAll(settings());
    const client = connections.quota.client as Cluster;
    try {
      await until('it is ready', () => client.status === 'ready');
      // What a client knows between the move of a node's last slot and its next look at the nodes.
      client.slots.forEach((owners, slot) => {
        if (owners[0] === nameOf(2)) client.slots[slot] = [nameOf(1)];
      });
      await untilServing(connections.quota, 'quota');
    } finally {
      disconnectAll(connections);
    }
  });
});
