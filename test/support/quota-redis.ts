/** The quota scripts on a Redis of the test's own: the test publishes states itself, and time stands still until it is set. */
import type { Redis } from 'ioredis';
import type { EntityName, Subject } from '../../src/domain/ids.js';
import { reservationIdOf } from '../../src/domain/ids.js';
import type { QuotaState } from '../../src/domain/quota-limits.js';
import { connectRedis, untilReady } from './redis-connection.js';
import type { HoldSize } from '../../src/quota/hold-size.js';
import { RedisNodes } from '../../src/platform/redis-nodes.js';
import { RedisQuota } from '../../src/quota/redis-quota.js';
import type { ReservationOrder } from '../../src/quota/reservation.js';
import { anOrder, aSubject, usd } from './quota.js';
import { aRedis } from './redis.js';
import { TestClock } from './test-clock.js';

export type QuotaRedis = {
  readonly redis: Redis;
  readonly clock: TestClock;
  readonly quota: RedisQuota;
  /** The later version that Redis has instead, where it has one; versions up to `seen` are replaced. */
  publish(state: QuotaState, ended?: readonly string[], seen?: bigint): Promise<bigint | undefined>;
  /** The verdict of a reservation, or the limit that denied it: `held`, `credits: final`, `concurrency: retry`. */
  reserve(order: SizedOrder): Promise<string>;
  held(entity?: string): Promise<{ heldPicos: bigint; requestCount: number }>;
  close(): Promise<void>;
};

export type SizedOrder = {
  subject?: string;
  requestId: string;
  usd?: string | null;
  /** Held in place of `usd` while enough is left. */
  learnedUsd?: string | null;
  ttlSeconds?: number;
  model?: string;
};

/** What `RedisQuota.reserve` takes. */
export function sized({
  usd: amount = '1',
  learnedUsd = null,
  ...override
}: SizedOrder): [ReservationOrder, HoldSize] {
  const order = anOrder({ maxOutputTokens: null, ...override });
  const worstPicos = amount === null ? null : usd(amount);
  const learnedPicos = amount === null || learnedUsd === null ? null : usd(learnedUsd);
  return [order, { worstPicos, learnedPicos, isDegraded: false, unpriced: null }];
}

export function idOf(requestId: string, subject: Subject = aSubject()): string {
  return reservationIdOf(subject, requestId);
}

export async function aQuotaRedis(): Promise<QuotaRedis> {
  const server = await aRedis();
  const redis = connectRedis(server.url, 'impatient');
  await untilReady(redis);
  const clock = new TestClock();
  const quota = new RedisQuota(new RedisNodes(redis), clock);
  // States from before a connection's first question are invalid: it is asked now, so that every later state is valid.
  await quota.check(aSubject(), 'fresh');
  return {
    redis,
    clock,
    quota,
    async publish(state, ended = [], seen = 0n) {
      const later = await quota.publish(
        [state],
        new Map([[state.entity, ended]]),
        new Map([[state.entity, seen]]),
      );
      return later.get(state.entity);
    },
    async reserve(order) {
      const reply = await quota.reserve(...sized(order), 'fresh');
      if (reply.verdict === 'held' && reply.exceeded !== null) return `held, ${reply.exceeded.limit}`;
      if (reply.verdict !== 'denied') return reply.verdict;
      return `${reply.limit}: ${reply.retryable ? 'retry' : 'final'}`;
    },
    held: (entity = 'entity1') => quota.held(entity as EntityName),
    async close() {
      redis.disconnect();
      await server.stop();
    },
  };
}
