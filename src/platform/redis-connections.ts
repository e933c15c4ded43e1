/** The connections of a process to Redis: for decisions, for what it adds to the queue, and for its workers. */
import { redisAddressOf, type RedisAddress } from '@tally/client/protocol';
import { DeadlineError, Deadlines } from './deadline.js';
import type { Logger } from './logger.js';
import { RedisNodes } from './redis-nodes.js';
import { RedisRefusal } from './redis-refusals.js';
import { checkMemory, untilServing } from './redis-start.js';
import { connectTo } from './redis.js';

/** How long Redis may take to answer at the start. */
const REDIS_MS_MAX = 30_000;

export type RedisConnections = {
  /** For decisions: a command fails at once when Redis is unavailable. */
  readonly quota: RedisNodes;
  /** For the producer's side of the queue: it fails at once too. The same as `quota` where both are in one Redis. */
  readonly producer: RedisNodes;
  /** For adding usage. It is `producer`, unless adding waits for replicas, which delays every later command on the connection. */
  readonly adding: RedisNodes;
  /** For workers: a command waits for as long as it takes. */
  readonly worker: RedisNodes;
};

export type RedisSettings = {
  readonly redisUrl: string;
  /** Null: the same. */
  readonly queueRedisUrl: string | null;
  readonly redisPrefix: string | null;
  /** How many replicas must have what is added to the queue; 0 where it is left out. */
  readonly queueReplicasMin?: number;
};

/** The message says which variable is wrong, and why. */
export class RedisStartError extends Error {
  override readonly name = 'RedisStartError';
}

/** They connect by themselves. */
export function connectAll(settings: RedisSettings): RedisConnections {
  const { redisUrl, queueRedisUrl, redisPrefix, queueReplicasMin = 0 } = settings;
  const queueUrl = queueRedisUrl ?? redisUrl;
  const quota = new RedisNodes(connectTo(redisAddressOf(redisUrl), 'impatient'), redisPrefix);
  const queueAddress = redisAddressOf(queueUrl);
  const apart = () => new RedisNodes(connectTo(queueAddress, 'impatient'), redisPrefix);
  const producer = queueUrl === redisUrl ? quota : apart();
  const adding = queueReplicasMin === 0 ? producer : apart();
  const worker = new RedisNodes(connectTo(queueAddress, 'patient'), redisPrefix);
  return { quota, producer, adding, worker };
}

/** Resolves when all of them serve. Throws RedisStartError. */
export async function untilAllServe(
  { quota, producer, adding, worker }: RedisConnections,
  { redisUrl, queueRedisUrl }: RedisSettings,
  logger: Logger,
): Promise<void> {
  const isApart = producer !== quota;
  const address = redisAddressOf(redisUrl);
  const ofQueue = redisAddressOf(queueRedisUrl ?? redisUrl);
  await Promise.all([
    start('REDIS_URL', address, async () => {
      await untilServing(quota, 'quota', address);
      if (!isApart) await untilServing(worker, 'queue', ofQueue);
      if (!isApart && adding !== producer) await untilServing(adding, 'queue', ofQueue);
      await checkMemory(quota, logger);
    }),
    isApart &&
      start('QUEUE_REDIS_URL', ofQueue, async () => {
        await Promise.all([producer, adding, worker].map((nodes) => untilServing(nodes, 'queue', ofQueue)));
        await checkMemory(producer, logger);
      }),
  ]);
}

async function start(variable: string, { kind }: RedisAddress, serving: () => Promise<void>): Promise<void> {
  await new Deadlines().within(REDIS_MS_MAX, serving()).catch((error: unknown) => {
    if (error instanceof RedisRefusal)
      throw new RedisStartError(`${variable} names a Redis that ${error.message}`);
    if (!(error instanceof DeadlineError)) throw error;
    const hint =
      kind === 'sentinel'
        ? ' by its Sentinels'
        : kind === 'cluster'
          ? ' as a Cluster with all its slots'
          : '';
    throw new RedisStartError(
      `${variable} names a Redis that does not answer${hint} within ${REDIS_MS_MAX / 1000} seconds`,
    );
  });
}

/** One line per outage of a server, not one per failed command or attempt to connect. */
export function logOutages(
  { quota, producer }: RedisConnections,
  { logger, isStopping }: { logger: Logger; isStopping: () => boolean },
): void {
  const watch = (nodes: RedisNodes, words: string): void => {
    const down = new Set<string | null>();
    nodes.onClose(({ name }) => {
      if (!down.has(name) && !isStopping()) logger.warn(`${words} is unavailable`, fieldsOf(name));
      down.add(name);
    });
    nodes.onReady(({ name }) => {
      if (down.delete(name)) logger.info(`${words} is available again`, fieldsOf(name));
    });
  };
  watch(quota, quota.isCluster ? 'a node of redis' : 'redis');
  if (producer === quota) return;
  watch(producer, producer.isCluster ? "a node of the queue's redis" : "the queue's redis");
}

function fieldsOf(name: string | null): Record<string, string> {
  return name === null ? {} : { node: name };
}

export function disconnectAll(connections: RedisConnections): void {
  for (const { client } of new Set(Object.values(connections))) client.disconnect();
}
