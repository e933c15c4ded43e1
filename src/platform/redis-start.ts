/** Whether a Redis serves Tally, asked at the start: what it refuses is said at once, with its reason. */
import type { Redis } from 'ioredis';
import type { Logger } from './logger.js';
import { readRedisMemory, SAFE_POLICY } from './redis-memory.js';

/** Redis answers, but not to us; trying again changes nothing. */
const REFUSAL = /\b(NOAUTH|WRONGPASS|NOPERM|NOPROTO)\b|The user executing the script can't/;

/** Codes of Node's TLS for a certificate that does not fit, and for a server that speaks no TLS. */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|ERR_SSL|ERR_TLS|EPROTO/;

/** The message says what is wrong with the server and what to do. */
export class RedisRefusal extends Error {
  override readonly name = 'RedisRefusal';
}

/**
 * Resolves when commands are answered: a quota connection refuses them until then. Rejects with a RedisRefusal as soon as the server says
 * that it will not serve us; waits for one that does not answer.
 */
export async function untilServing(redis: Redis): Promise<void> {
  if (redis.status !== 'ready') await untilReadyOrRefused(redis);
  // A user without the right to write would fail at the first event.
  await redis
    .eval("return redis.call('set', KEYS[1], '1', 'PX', '1')", 1, '{tally}:probe')
    .catch((error: unknown) => {
      if (isRefusal(error)) throw new RedisRefusal(sayWhy(error));
      // One that is full, loading or a replica for now is waited for like one that is unavailable.
    });
}

async function untilReadyOrRefused(redis: Redis): Promise<void> {
  let stop = (): void => {};
  await new Promise<void>((resolve, reject) => {
    const onError = (error: unknown): void => {
      if (isRefusal(error)) reject(new RedisRefusal(sayWhy(error)));
    };
    redis.once('ready', resolve);
    redis.on('error', onError);
    stop = () => {
      redis.off('ready', resolve);
      redis.off('error', onError);
    };
  }).finally(() => stop());
}

/** Refuses a Redis that may evict keys, and says aloud what cannot be seen. */
export async function checkMemory(redis: Redis, logger: Logger): Promise<void> {
  const { policy, isAppendOnly, refused } = await readRedisMemory(redis);
  if (policy !== null && policy !== SAFE_POLICY)
    throw new RedisRefusal(
      `evicts keys when its memory is full (maxmemory-policy ${policy}), and usage that was accepted would be lost: set maxmemory-policy ${SAFE_POLICY}`,
    );
  if (policy === null)
    logger.error(
      'nobody can see whether redis evicts keys',
      new Error(
        `its user may not ask for ${refused.join(' and ')}: allow +info, and see that maxmemory-policy is ${SAFE_POLICY}`,
      ),
    );
  else if (refused.length > 0)
    logger.warn('redis does not say how full it is: allow its user +info', { refused });
  if (isAppendOnly === false)
    logger.warn('redis writes nothing down: a crash loses the events that wait; set appendonly yes');
}

function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // The client's check whether Redis is ready, and Redis itself where a script ran the command, wrap the reply in words of their own.
  if (REFUSAL.test(error.message)) return true;
  return 'code' in error && CERTIFICATE.test(String(error.code));
}

function sayWhy(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `refuses us: ${reason}`;
}
