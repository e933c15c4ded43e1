/** A Redis that will not serve us: a start says at once why, and ends with exit code 1. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, startServerProcess } from '../../../src/platform/embedded/server-process.js';
import { ADMIN_KEY } from '../../support/app.js';
import { aDatabase, type TestDatabase } from '../../support/database.js';
import {
  aRedisCluster,
  aRedisProcess,
  aSentinelSetup,
  certificatesIn,
  MASTER,
  SERVER_PASSWORD,
  type RedisCluster,
  type RedisProcess,
  type SentinelSetup,
} from '../../support/redis-kinds.js';

const MAIN = join(import.meta.dirname, '../../../dist/main.js');

let database: TestDatabase;
let server: RedisProcess;
let cluster: RedisCluster;
let sentinels: SentinelSetup;
let tls: { port: number; ca: string; stop(): Promise<void> };
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tally-test-refusals-'));
  [database, server, cluster, sentinels, tls] = await Promise.all([
    aDatabase(),
    aRedisProcess(),
    aRedisCluster({ password: 'of-the-cluster' }),
    aSentinelSetup(),
    aTlsServer(),
  ]);
});
afterAll(async () => {
  await Promise.all([database.drop(), server.stop(), cluster.stop(), sentinels.stop(), tls.stop()]);
  await rm(directory, { recursive: true });
});

async function aTlsServer() {
  const { ca, cert, key } = await certificatesIn(directory);
  const [port, text] = [await freePort(), await readFile(ca, 'utf8')];
  const files = [`tls-ca-cert-file ${ca}`, `tls-cert-file ${cert}`, `tls-key-file ${key}`];
  const started = await aRedisProcess({
    settings: ['port 0', `tls-port ${port}`, ...files, 'tls-auth-clients no'],
    connection: () => ({ port, tls: { ca: text } }),
  });
  return { port, ca, stop: () => started.stop() };
}

/** How the process ended and what it said, in the seconds that a start takes without waiting for Redis. */
async function startWith(environment: Record<string, string>): Promise<{ how: string; log: string }> {
  const logFile = join(directory, `service-${await freePort()}.log`);
  const service = startServerProcess({
    command: process.execPath,
    args: [MAIN],
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      MIGRATE: 'off',
      ADMIN_API_KEY: ADMIN_KEY,
      DATABASE_URL: database.url,
      ...environment,
    },
    owner: null,
    logFile,
    endSignal: 'SIGTERM',
  });
  const awake = setInterval(() => {}, 1_000);
  const how = await service.ended.finally(() => clearInterval(awake));
  return { how, log: await readFile(logFile, 'utf8') };
}

const single = (account = '') => `redis://${account}127.0.0.1:${server.port}`;
const sentinelUrl = (change: (url: string) => string) => change(sentinels.url);
const aUser = async (...rules: string[]): Promise<string> => {
  await server.redis.call('ACL', 'SETUSER', 'narrow', 'reset', 'on', '>secret', '~*', '&*', ...rules);
  return single('narrow:secret@');
};

describe('a start ends at once with the reason, where Redis', () => {
  it.each<[string, () => string | Promise<string>, RegExp]>([
    [
      'knows another password',
      async () => (await aUser('+@all')).replace('secret', 'wrong'),
      /refuses us: WRONGPASS/,
    ],
    ['lets its user run no scripts', () => aUser('+@all', '-eval', '-evalsha'), /refuses us: .*NOPERM/],
    [
      'lets its user write other keys only',
      () => aUser('+@all', 'resetkeys', '~other:*'),
      /refuses us: .*(NOPERM|can't access|permissions)/,
    ],
    [
      'has a certificate of a CA that nobody knows',
      () => `rediss://127.0.0.1:${tls.port}`,
      /refuses us: .*self.signed|certificate/,
    ],
    [
      'is a replica',
      () => `redis://:${SERVER_PASSWORD}@127.0.0.1:${sentinels.servers[1]!.port}`,
      /is a replica: name its master/,
    ],
    [
      'asks for a password at its Sentinels',
      () => sentinelUrl((url) => url.replace(/\?.*/, '')),
      /at 127\.0\.0\.1:\d+ refuses us: NOAUTH/,
    ],
    [
      'is unknown to its Sentinels by this name',
      () => sentinelUrl((url) => url.replace(MASTER, 'another')),
      /is a Sentinel that knows no master another/,
    ],
    [
      'has another password behind its Sentinels',
      () => sentinelUrl((url) => url.replace(SERVER_PASSWORD, 'wrong')),
      /refuses us: .*WRONGPASS/,
    ],
    ['is no Sentinel', () => single().replace('redis:', 'redis+sentinel:') + '/m', /is no Sentinel/],
    [
      'is a node of a Cluster that is named as a single server',
      () => `redis://:of-the-cluster@127.0.0.1:${cluster.nodes[0]!.port}`,
      /is a node of a Cluster: write redis\+cluster/,
    ],
    ['is no Cluster', () => single().replace('redis:', 'redis+cluster:'), /is no Cluster: write redis:\/\//],
    ['asks for a password at its nodes', () => cluster.url, /at 127\.0\.0\.1:\d+ refuses us: NOAUTH/],
  ])('%s', async (_, url, reason) => {
    const redisUrl = await url();
    const { how, log } = await startWith({ REDIS_URL: redisUrl });
    expect(how).toBe('exit code 1');
    expect(log).toMatch(/REDIS_URL names a Redis that/);
    expect(log).toMatch(reason);
    expect(log).not.toMatch(/does not answer/);
  });

  it('may evict keys, on one node of a Cluster as on the queue apart', async () => {
    const url = cluster.url.replace('://', '://:of-the-cluster@');
    await cluster.nodes[1]!.redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const onCluster = await startWith({ REDIS_URL: url });
    await cluster.nodes[1]!.redis.config('SET', 'maxmemory-policy', 'noeviction');
    await server.redis.config('SET', 'maxmemory-policy', 'volatile-ttl');
    const apart = await startWith({ REDIS_URL: url, QUEUE_REDIS_URL: single() });
    await server.redis.config('SET', 'maxmemory-policy', 'noeviction');
    expect([onCluster.how, apart.how]).toEqual(['exit code 1', 'exit code 1']);
    expect(onCluster.log).toMatch(
      new RegExp(`REDIS_URL names a Redis that at 127.0.0.1:${cluster.nodes[1]!.port} evicts keys`),
    );
    expect(apart.log).toMatch(/QUEUE_REDIS_URL names a Redis that evicts keys.*volatile-ttl/);
  });

  it('is named by a URL that cannot be: everything that is wrong is told before anything is asked', async () => {
    const { how, log } = await startWith({
      REDIS_URL: 'redis+cluster://h1,h2/3',
      QUEUE_REDIS_URL: 'rediss://h?ca=/nowhere/ca.pem',
      REDIS_PREFIX: '{braces}',
    });
    expect(how).toBe('exit code 1');
    for (const problem of [
      /REDIS_URL names a database: a Cluster has none but 0/,
      /QUEUE_REDIS_URL names a file in \?ca= that cannot be read/,
      /REDIS_PREFIX must have 1 to 64 letters/,
    ])
      expect(log).toMatch(problem);
  });
});
