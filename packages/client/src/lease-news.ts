/** Hears from Tally's Redis that leases are to be given back. Without it they are after their lifetime at the latest. */
import { Redis } from 'ioredis';
import type { LeasedQuota } from './leased-quota.js';
import { LEASE_RECALLS_CHANNEL } from './protocol/lease.js';

/** Resolves without waiting for Redis. While the connection is gone nothing is heard, so when it is back all are recalled. */
export function recallOnNews(
  quota: Pick<LeasedQuota, 'recall'>,
  { redisUrl, onFailure }: { redisUrl: string; onFailure: (error: unknown) => void },
): { close(): void } {
  const redis = new Redis(redisUrl, { autoResubscribe: false, maxRetriesPerRequest: null });
  let isFirst = true;
  const recall = (entity: string | null) => void quota.recall(entity).catch(onFailure);
  redis.on('error', onFailure);
  redis.on('message', (_channel, entity) => recall(entity));
  redis.on('ready', () => {
    const wasGone = !isFirst;
    isFirst = false;
    redis
      .subscribe(LEASE_RECALLS_CHANNEL)
      .then(() => (wasGone ? recall(null) : undefined))
      .catch(onFailure);
  });
  return { close: () => redis.disconnect() };
}
