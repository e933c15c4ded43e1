/** Connections to Redis. A decision must not wait for an unavailable Redis; a queue must, and loses nothing. */
import type { RedisAddress } from '@tally/client/protocol';
import { openRedis, type RedisClient } from '@tally/client/redis';
import { Redis, type RedisOptions } from 'ioredis';

/** The token under which the app hands out the servers that quota decisions use. */
export const QUOTA_REDIS = Symbol('QUOTA_REDIS');

/** And the token of those that have the queue: the same ones, unless QUEUE_REDIS_URL names others. */
export const QUEUE_REDIS = Symbol('QUEUE_REDIS');

/**
 * What a command does while there is no connection. `impatient` fails at once and is never sent a second time, so that a request gets
 * another answer; `patient` waits for as long as it takes, as BullMQ's workers need it.
 */
export type Patience = 'impatient' | 'patient';

/** For callers without a deadline of their own; longer than a busy process takes to read its answers. */
const COMMAND_MS_MAX = 5_000;

const OPTIONS: Record<Patience, RedisOptions> = {
  impatient: {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: COMMAND_MS_MAX,
  },
  // BullMQ blocks on its connections, and refuses any other value.
  patient: { maxRetriesPerRequest: null },
};

/** Reconnects for ever. Every failed command rejects, so the connection's own errors need no listener. */
export function connectTo(address: RedisAddress, patience: Patience): RedisClient {
  if (patience === 'patient') return openRedis(address, OPTIONS.patient);
  // A master that stands still is left, as the Sentinels may have another.
  const leaving = address.kind === 'sentinel' ? { socketTimeout: COMMAND_MS_MAX } : {};
  const client = openRedis(address, { ...OPTIONS.impatient, ...leaving });
  if (client instanceof Redis) gatherWrites(client);
  else client.on('+node', gatherWrites);
  return client;
}

/**
 * Sends the commands of one turn of the event loop in one write. With a write for each, a pair of reserve and release takes 24 µs
 * of this process' time in place of 19. Redis' answers come back together likewise. BullMQ's workers have plain connections.
 *
 * It hangs on what ioredis 5.11.1 does, which its documentation does not promise, so package.json names exactly this version and
 * redis.test.ts checks it: every command goes through `sendCommand`, also those that a Cluster sends to one of its nodes, and `stream`
 * is the socket that it writes to.
 */
function gatherWrites(redis: Redis): void {
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (...args) => {
    // There is none before the first connection.
    const stream: Redis['stream'] | undefined = redis.stream;
    if (stream !== undefined && stream.writableCorked === 0) {
      stream.cork();
      setImmediate(() => stream.uncork());
    }
    return send(...args);
  };
}
