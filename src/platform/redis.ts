/** Connections to Redis. A decision must not wait for an unavailable Redis; a queue must, and loses nothing. */
import { Redis, type RedisOptions } from 'ioredis';

/** The token under which the app hands out the connection that quota decisions use. */
export const QUOTA_REDIS = Symbol('QUOTA_REDIS');

/** For callers without a deadline of their own; longer than a busy process takes to read its answers. */
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

/**
 * Sends the commands of one turn of the event loop in one write. With a write for each, a pair of reserve and release takes 24 µs
 * of this process' time in place of 19. Redis' answers come back together likewise. BullMQ's workers have plain connections.
 *
 * It hangs on what ioredis 5.11.1 does, which its documentation does not promise, so package.json names exactly this version and
 * redis.test.ts checks it: every command goes through `sendCommand`, and `stream` is the socket that it writes to.
 */
class GatheringRedis extends Redis {
  override sendCommand(...args: Parameters<Redis['sendCommand']>): unknown {
    // There is none before the first connection.
    const stream: Redis['stream'] | undefined = this.stream;
    if (stream !== undefined && stream.writableCorked === 0) {
      stream.cork();
      setImmediate(() => stream.uncork());
    }
    return super.sendCommand(...args);
  }
}

/** Reconnects for ever. Every failed command rejects, so the connection's own errors need no listener. */
export function connectRedis(url: string, purpose: 'quota' | 'queue'): Redis {
  const Connection = purpose === 'quota' ? GatheringRedis : Redis;
  const redis = new Connection(url, {
    ...OPTIONS[purpose],
    retryStrategy: (attempt) => Math.min(attempt * 50, RECONNECT_MS_MAX),
  });
  // Without a listener ioredis prints to the console.
  redis.on('error', () => {});
  return redis;
}

/** Resolves when commands are answered: a quota connection refuses them until then. */
export async function untilReady(redis: Redis): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve) => redis.once('ready', () => resolve()));
}
