/** Connections to Redis. A decision must not wait for a Redis that is away; a queue must, and loses nothing. */
import { Redis, type RedisOptions } from 'ioredis';

/** The token under which the app hands out the connection that quota decisions use. */
export const QUOTA_REDIS = Symbol('QUOTA_REDIS');

/** For whoever sets no deadline of its own; longer than a busy process takes to read its answers. */
const COMMAND_MS_MAX = 5_000;
const RECONNECT_MS_MAX = 1_000;

const OPTIONS: Record<'quota' | 'queue', RedisOptions> = {
  // Fails at once while there is no connection, and never sends a command a second time: the decision falls to Postgres.
  quota: {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: COMMAND_MS_MAX,
  },
  // BullMQ blocks on its connections for as long as it takes, and refuses any other value.
  queue: { maxRetriesPerRequest: null },
};

/** Reconnects for ever. Errors go to `onError`: every failed command says so itself, so nothing is lost without one. */
export function connectRedis(
  url: string,
  purpose: 'quota' | 'queue',
  onError: (error: Error) => void = () => {},
): Redis {
  const redis = new Redis(url, {
    ...OPTIONS[purpose],
    retryStrategy: (attempt) => Math.min(attempt * 50, RECONNECT_MS_MAX),
  });
  // Without a listener ioredis prints to the console.
  redis.on('error', onError);
  return redis;
}

/** Resolves when commands are answered: a quota connection refuses them until then. */
export async function untilReady(redis: Redis): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve) => redis.once('ready', () => resolve()));
}
