/** Connections to the Redis of a URL, whatever its kind. Needs ioredis. */
import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis';
import { redisAddressOf, type RedisAddress } from './protocol/redis-address.js';

export type RedisClient = Redis | Cluster;

const RECONNECT_MS_MAX = 1_000;
/** A node that could not be reached so often is forgotten until the Cluster names it again. */
const NODE_ATTEMPTS_MAX = 10;
/** How often a command that may wait is sent, 100 ms apart while its node is lost: a minute is more than a replica needs to take over. */
const COMMAND_TRIES_MAX = 600;
/** How often a Cluster is asked which node has which slot; a node that no longer has one says so at once. */
const SLOTS_MS = 5_000;
/** A Sentinel that does not answer, and a server that it names and that does not, cost no more than this before the next is asked. */
const SENTINEL_MS_MAX = 2_000;

/** Longer than BullMQ's workers wait for a job in one command, which is 10 s at most. */
const SILENT_MS_MAX = 20_000;

/**
 * Reconnects for ever. `options` are ioredis' own, and are those of each node of a Cluster too; a command that waits while there is no
 * connection is one without `enableOfflineQueue: false`.
 */
export function openRedis(url: string | RedisAddress, options: RedisOptions = {}): RedisClient {
  const address = typeof url === 'string' ? redisAddressOf(url) : url;
  return address.kind === 'cluster' ? openCluster(address, options) : openServer(address, options);
}

/** The same for one that is no Cluster. */
function openServer(address: RedisAddress, options: RedisOptions = {}): Redis {
  if (address.kind === 'cluster') throw new RangeError('a Cluster is not one server');
  const redis = new Redis({ ...whereOf(address), db: address.database, retryStrategy, ...options });
  // Without a listener ioredis prints to the console. Every failed command rejects.
  redis.on('error', () => {});
  return redis;
}

function retryStrategy(attempt: number): number {
  return Math.min(attempt * 50, RECONNECT_MS_MAX);
}

function whereOf(address: RedisAddress): RedisOptions {
  const { kind, nodes, path, master } = address;
  const [server] = nodes;
  const account = accountOf(address);
  if (kind === 'socket') return { path: path!, ...account };
  if (kind === 'server') return { host: server!.host, port: server!.port, ...account };
  const { sentinelUsername, sentinelPassword, tls } = address;
  return {
    sentinels: nodes.map((node) => ({ ...node })),
    name: master!,
    ...account,
    ...(sentinelUsername !== null && { sentinelUsername }),
    ...(sentinelPassword !== null && { sentinelPassword }),
    ...(tls !== null && { sentinelTLS: { ...tls }, enableTLSForSentinelMode: true }),
    sentinelRetryStrategy: retryStrategy,
    sentinelCommandTimeout: SENTINEL_MS_MAX,
    connectTimeout: SENTINEL_MS_MAX,
    // A master that stands still closes no connection, while another has taken over. Not `failoverDetector`: what it hears while ioredis
    // connects again anyway ends the client for good.
    socketTimeout: SILENT_MS_MAX,
    // Nor does one that was made a replica and is still connected.
    reconnectOnError: ({ message }) => message.startsWith('READONLY'),
  };
}

function accountOf({ username, password, tls }: RedisAddress): RedisOptions {
  return {
    ...(username !== null && { username }),
    ...(password !== null && { password }),
    ...(tls !== null && { tls: { ...tls } }),
    // Addresses of either kind: ioredis asks for IPv4 alone otherwise.
    family: 0,
  };
}

/**
 * It waits for the Cluster, never for one of its nodes. ioredis may give a lost node up between two attempts to reach it, and then never answers
 * the commands that wait for that node. So a lost node is not tried again; its commands go to the node that has taken over its slots.
 */
const WAITING_COMMANDS: ClusterOptions = { maxRedirections: COMMAND_TRIES_MAX };

/** It is not sent again behind the caller's back. */
const COMMANDS_AT_ONCE: ClusterOptions = {
  retryDelayOnFailover: 0,
  retryDelayOnClusterDown: 0,
  clusterNodeRetryStrategy: (attempt) => (attempt > NODE_ATTEMPTS_MAX ? null : retryStrategy(attempt)),
};

function openCluster(address: RedisAddress, options: RedisOptions): Cluster {
  const { enableOfflineQueue = true, ...ofNode } = options;
  const cluster = new Cluster(
    address.nodes.map((node) => ({ ...node })),
    {
      redisOptions: { ...accountOf(address), ...ofNode },
      enableOfflineQueue,
      clusterRetryStrategy: retryStrategy,
      slotsRefreshInterval: SLOTS_MS,
      ...(enableOfflineQueue ? WAITING_COMMANDS : COMMANDS_AT_ONCE),
      // Nodes keep their names, which certificates are made out to.
      dnsLookup: (name, done) => done(null, name),
    },
  );
  cluster.on('error', () => {});
  // ioredis would connect with the first command, and reject every other until then.
  cluster.on('+node', (node: Redis) => {
    if (node.status === 'wait') node.connect().catch(() => {});
  });
  return refusingAfterEnd(cluster);
}

/**
 * Each node that closes after the connection has ended turns ioredis' (5.11) status `end` back into `close`, and a command that was waiting to be
 * sent again is then queued and never answered. BullMQ's workers wait for jobs on duplicates, so such a command kept a worker from stopping.
 */
function refusingAfterEnd(cluster: Cluster): Cluster {
  let hasEnded = false;
  cluster.on('connecting', () => (hasEnded = false));
  cluster.on('end', () => (hasEnded = true));
  cluster.on('close', () => {
    if (hasEnded) cluster.status = 'end';
  });
  const duplicate = cluster.duplicate.bind(cluster);
  cluster.duplicate = (...args) => refusingAfterEnd(duplicate(...args));
  return cluster;
}

/**
 * Calls when what Redis acknowledged just before may be gone: each time that a server is connected, and on a Cluster also when a node is
 * lost, whose place a replica takes that is connected already.
 */
export function onServerChange(client: RedisClient, listener: () => void): void {
  if (client instanceof Redis) {
    client.on('ready', listener);
    return;
  }
  client.on('-node', listener);
  client.on('+node', (node: Redis) => {
    node.on('ready', listener);
    node.on('close', listener);
  });
}

/** For a connection to one of the Sentinels themselves. */
export function sentinelOptions(address: RedisAddress, index: number): RedisOptions {
  const { sentinelUsername: username, sentinelPassword: password } = address;
  return { ...nodeOptions({ ...address, username, password }, index), commandTimeout: SENTINEL_MS_MAX };
}

/** For a connection to one of the nodes that a Cluster's URL names. */
export function nodeOptions(address: RedisAddress, index: number): RedisOptions {
  return { ...address.nodes[index]!, ...accountOf(address), connectTimeout: SENTINEL_MS_MAX };
}
