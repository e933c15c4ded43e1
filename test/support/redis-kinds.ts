/** Every kind of Redis that people run, as real servers on this machine: a Cluster, Sentinels, TLS, a socket. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis, type RedisOptions } from 'ioredis';
import {
  freePort,
  startServerProcess,
  type ServerProcess,
} from '../../src/platform/embedded/server-process.js';
import { testServers } from './test-servers.js';
import { until } from './until.js';

const run = promisify(execFile);
const SLOTS = 16_384;

export type RedisProcess = {
  readonly port: number;
  readonly directory: string;
  /** The test's own connection; the service may connect as another user. */
  readonly redis: Redis;
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open, and nothing is answered. */
  freeze(): void;
  thaw(): void;
  /** Starts one that has ended again, on its port and its files. */
  revive(): Promise<void>;
  /** From now on its files cannot grow, as on a full disk. */
  fillDisk(): Promise<void>;
  freeDisk(): Promise<void>;
  /** Ends it however it is, and deletes its files. */
  stop(): Promise<void>;
};

type ServerOptions = {
  /** Of its redis.conf, beside what every one has. */
  readonly settings?: readonly string[];
  readonly isSentinel?: boolean;
  /** It speaks TLS alone, with its clients and with others of its kind. */
  readonly tls?: Certificates | undefined;
  /** How the test connects, where it is not by the port. */
  readonly connection?: (directory: string) => RedisOptions;
};

const QUEUE_SETTINGS = ['appendonly yes', 'appendfsync no', 'save ""', 'maxmemory-policy noeviction'];

/** One server that answers. It ends with the test's process at the latest. */
export async function aRedisProcess(options: ServerOptions = {}): Promise<RedisProcess> {
  const { settings = [], isSentinel = false, tls, connection } = options;
  const directory = await mkdtemp(join(tmpdir(), 'tally-test-redis-'));
  const [port, file] = [await freePort(), join(directory, 'redis.conf')];
  const lines = [
    'bind 127.0.0.1',
    ...(tls === undefined ? [`port ${port}`] : ['port 0', `tls-port ${port}`, ...tlsSettings(tls)]),
    `dir ${directory}`,
    'set-proc-title no',
    ...(isSentinel ? [] : QUEUE_SETTINGS),
    ...settings.map((line) => line.replaceAll('DIRECTORY', directory)),
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const start = () => startRedis([file, ...(isSentinel ? ['--sentinel'] : [])], join(directory, 'redis.log'));
  let server = start();
  const redis = new Redis({
    host: '127.0.0.1',
    port,
    ...(tls !== undefined && { tls: { ca: readFileSync(tls.ca) } }),
    ...connection?.(directory),
    retryStrategy: () => 50,
  });
  redis.on('error', () => {});
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(server.pid!, name);
    } catch {
      // It has ended.
    }
  };
  const limitFiles = (bytes: string) => run('prlimit', ['--pid', String(server.pid), `--fsize=${bytes}:`]);
  const answers = () =>
    redis.ping().then(
      () => true,
      () => false,
    );
  await until('it answers', answers);
  return {
    port,
    directory,
    redis,
    async revive() {
      server = start();
      await until('it answers again', () => redis.status === 'ready');
    },
    async fillDisk() {
      await limitFiles('1');
    },
    async freeDisk() {
      await limitFiles('unlimited');
    },
    async kill() {
      signal('SIGKILL');
      await server.ended;
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    async stop() {
      redis.disconnect();
      signal('SIGKILL');
      await server.ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function tlsSettings({ ca, cert, key }: Certificates): string[] {
  const files = [`tls-ca-cert-file ${ca}`, `tls-cert-file ${cert}`, `tls-key-file ${key}`];
  return [...files, 'tls-auth-clients no', 'tls-replication yes'];
}

/** Where a limit on the size of its files is reached, its writes fail, in place of a signal that ends it. */
function startRedis(args: readonly string[], logFile: string): ServerProcess {
  const { command, env } = testServers().redis;
  return startServerProcess({
    command: '/bin/sh',
    args: ['-c', `trap '' XFSZ; exec "$0" "$@"`, command, ...args],
    env,
    owner: null,
    logFile,
    endSignal: 'SIGTERM',
  });
}

export type RedisCluster = {
  readonly url: string;
  /** Each has a third of the slots. */
  readonly nodes: readonly RedisProcess[];
  /** One for each node, where it was asked for. */
  readonly replicas: readonly RedisProcess[];
  stop(): Promise<void>;
};

type ClusterOptions = { password?: string; tls?: Certificates; hasReplicas?: boolean };

/** Three masters that share the slots evenly. */
export async function aRedisCluster(options: ClusterOptions = {}): Promise<RedisCluster> {
  const nodes = await Promise.all([0, 1, 2].map(() => aClusterNode(options)));
  const replicas = await Promise.all(options.hasReplicas ? nodes.map(() => aClusterNode(options)) : []);
  for (const [index, { redis }] of nodes.entries()) {
    const [first, after] = [index, index + 1].map((n) => Math.floor((n * SLOTS) / nodes.length));
    await redis.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
    await redis.call('CLUSTER', 'ADDSLOTSRANGE', first!, after! - 1);
  }
  const [{ redis: first }, ...others] = nodes as [RedisProcess, ...RedisProcess[]];
  for (const { port, redis } of [...others, ...replicas]) {
    const busPort = /:\d+@(\d+)/.exec((await redis.cluster('NODES')) as string)?.[1];
    await first.call('CLUSTER', 'MEET', '127.0.0.1', port, Number(busPort));
  }
  await until('every node knows all slots', async () => {
    const states = await Promise.all([...nodes, ...replicas].map(({ redis }) => redis.cluster('INFO')));
    return states.every(
      (text) => text.includes('cluster_state:ok') && text.includes(`cluster_slots_ok:${SLOTS}`),
    );
  });
  for (const [index, { redis }] of replicas.entries()) {
    await redis.call('CLUSTER', 'REPLICATE', await nodes[index]!.redis.cluster('MYID'));
    await until('the replica has caught up', async () =>
      (await redis.info('replication')).includes('master_link_status:up'),
    );
  }
  const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`).join(',');
  return {
    url:
      options.tls === undefined
        ? `redis+cluster://${hosts}`
        : `rediss+cluster://${hosts}?ca=${options.tls.ca}`,
    nodes,
    replicas,
    async stop() {
      await Promise.all([...nodes, ...replicas].map((node) => node.stop()));
    },
  };
}

async function aClusterNode({ password, tls }: ClusterOptions): Promise<RedisProcess> {
  return aRedisProcess({
    tls,
    settings: [
      'cluster-enabled yes',
      `cluster-port ${await freePort()}`,
      'cluster-config-file DIRECTORY/nodes.conf',
      'cluster-node-timeout 2000',
      'cluster-require-full-coverage no',
      'repl-diskless-sync-delay 0',
      ...(tls === undefined ? [] : ['tls-cluster yes']),
      ...(password === undefined ? [] : [`requirepass ${password}`, `masterauth ${password}`]),
    ],
    connection: () => (password === undefined ? {} : { password }),
  });
}

export type SentinelSetup = {
  readonly url: string;
  readonly servers: readonly RedisProcess[];
  /** Which of the servers the Sentinels call the master. */
  master(): Promise<RedisProcess>;
  /** How long a master may say nothing until they take it for down. */
  waitFor(downAfterMs: number): Promise<void>;
  stop(): Promise<void>;
};

export const MASTER = 'tally-master';
export const SENTINEL_PASSWORD = 'of-the-sentinels';
export const SERVER_PASSWORD = 'of-the-servers';

/** A master, a replica that has caught up, and three Sentinels of which two must agree. */
export async function aSentinelSetup({ tls }: { tls?: Certificates } = {}): Promise<SentinelSetup> {
  const password = [
    `requirepass ${SERVER_PASSWORD}`,
    `masterauth ${SERVER_PASSWORD}`,
    'repl-diskless-sync-delay 0',
  ];
  const connection = () => ({ password: SERVER_PASSWORD });
  const master = await aRedisProcess({ settings: password, connection, tls });
  const replica = await aRedisProcess({
    settings: [...password, `replicaof 127.0.0.1 ${master.port}`],
    connection,
    tls,
  });
  await until('the replica has caught up', async () =>
    (await replica.redis.info('replication')).includes('master_link_status:up'),
  );
  const settings = [
    `requirepass ${SENTINEL_PASSWORD}`,
    `sentinel monitor ${MASTER} 127.0.0.1 ${master.port} 2`,
    `sentinel auth-pass ${MASTER} ${SERVER_PASSWORD}`,
    `sentinel down-after-milliseconds ${MASTER} 1000`,
    `sentinel failover-timeout ${MASTER} 5000`,
  ];
  const sentinels = await Promise.all(
    [1, 2, 3].map(() =>
      aRedisProcess({ settings, isSentinel: true, tls, connection: () => ({ password: SENTINEL_PASSWORD }) }),
    ),
  );
  const askFirst = (...args: string[]) => sentinels[0]!.redis.call('SENTINEL', ...args) as Promise<string[]>;
  const knows = async (what: string, count: number) => (await askFirst(what, MASTER)).length >= count;
  await until('they know of each other and of the replica', async () =>
    (await Promise.all([knows('sentinels', 2), knows('replicas', 1)])).every(Boolean),
  );
  const servers = [master, replica];
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
  const [scheme, ca] = tls === undefined ? ['redis', ''] : ['rediss', `&ca=${tls.ca}`];
  return {
    url: `${scheme}+sentinel://:${SERVER_PASSWORD}@${hosts}/${MASTER}/0?sentinel_password=${SENTINEL_PASSWORD}${ca}`,
    servers,
    async master() {
      const [, port] = await askFirst('get-master-addr-by-name', MASTER);
      return servers.find((server) => server.port === Number(port))!;
    },
    async waitFor(downAfterMs) {
      const setting = ['down-after-milliseconds', downAfterMs] as const;
      await Promise.all(sentinels.map(({ redis }) => redis.call('SENTINEL', 'SET', MASTER, ...setting)));
    },
    async stop() {
      await Promise.all([...sentinels, ...servers].map((server) => server.stop()));
    },
  };
}

export type Certificates = { readonly ca: string; readonly cert: string; readonly key: string };

/** A CA of its own and a certificate of 127.0.0.1 by it, as files in this directory. */
export async function certificatesIn(directory: string): Promise<Certificates> {
  const file = (name: string) => join(directory, name);
  const openssl = (...args: string[]) => run('openssl', args);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const ca = ['-keyout', file('ca.key'), '-out', file('ca.pem'), '-subj', '/CN=Tally test CA', '-days', '2'];
  await openssl('req', '-x509', ...newKey, ...ca);
  const request = ['-keyout', file('key.pem'), '-out', file('request.pem'), '-subj', '/CN=redis'];
  await openssl('req', '-new', ...newKey, ...request);
  await writeFile(file('names'), 'subjectAltName=IP:127.0.0.1\n');
  const signed = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-days', '2'];
  await openssl(
    'x509',
    '-req',
    '-in',
    file('request.pem'),
    ...signed,
    '-extfile',
    file('names'),
    '-out',
    file('cert.pem'),
  );
  return { ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') };
}
