/**
 * Listens on Tally's Redis for recalls: leases to give back at once, because a cap was lowered or credits were voided. A gateway
 * that does not listen learns of a recall with its next renewal, or stops admitting when its lease's lifetime ends.
 */
import { leaseRecallsChannel } from '../protocol/lease.js';
import { openRedis } from '../redis.js';
import type { LeasedQuota } from './leased-quota.js';

/**
 * Returns at once, and connects and reconnects in the background. Recalls sent while the connection is down are lost, so all
 * leases are recalled when it is up again. `onFailure` gets every error of the connection and of a recall. Close it before
 * the quota. `redisUrl` and `prefix` are Tally's `REDIS_URL` and `REDIS_PREFIX`. Throws RedisAddressError.
 */
export function listenForLeaseRecalls(
  quota: Pick<LeasedQuota, 'recall'>,
  {
    redisUrl,
    prefix = null,
    onFailure,
  }: { redisUrl: string; prefix?: string | null | undefined; onFailure: (error: unknown) => void },
): { close(): void } {
  const redis = openRedis(redisUrl, { autoResubscribe: false, maxRetriesPerRequest: null });
  let isFirst = true;
  const recall = (entity: string | null) => void quota.recall(entity).catch(onFailure);
  redis.on('error', onFailure);
  // On a Cluster one node passes recalls on, and another takes its place.
  redis.on('-node', () => recall(null));
  redis.on('message', (_channel: string, entity: string) => recall(entity));
  redis.on('ready', () => {
    const wasDown = !isFirst;
    isFirst = false;
    redis
      .subscribe(leaseRecallsChannel(prefix))
      .then(() => (wasDown ? recall(null) : undefined))
      .catch(onFailure);
  });
  return { close: () => redis.disconnect() };
}
