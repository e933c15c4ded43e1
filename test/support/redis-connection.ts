/** A connection to a test's Redis, as the service makes it. */
import { redisAddressOf } from '@tally/client/protocol';
import type { RedisClient } from '@tally/client/redis';
import { Redis } from 'ioredis';
import { connectTo, type Patience } from '../../src/platform/redis.js';

/** To one that is no Cluster. */
export function connectRedis(url: string, patience: Patience): Redis {
  const redis = connectTo(redisAddressOf(url), patience);
  if (!(redis instanceof Redis)) throw new RangeError('a Cluster is not one server');
  return redis;
}

/** Resolves when commands are answered: an impatient connection refuses them until then. */
export async function untilReady(redis: RedisClient): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve) => redis.once('ready', () => resolve()));
}
