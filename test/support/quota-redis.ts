/** The quota scripts over a Redis of the test's own: states are put in place by hand, and time stands still until it is set. */
import type { Redis } from 'ioredis';
import type { EntityName, Subject } from '../../src/domain/ids.js';
import { reservationIdOf } from '../../src/domain/ids.js';
import type { QuotaState } from '../../src/domain/quota-rules.js';
import { connectRedis, untilReady } from '../../src/platform/redis.js';
import { RedisQuota, type HoldOrder } from '../../src/quota/redis-quota.js';
import { aSubject, usd } from './quota.js';
import { aRedis } from './redis.js';
import { TestClock } from './test-clock.js';

export type QuotaRedis = {
  readonly redis: Redis;
  readonly clock: TestClock;
  readonly quota: RedisQuota;
  /** The later version that Redis has instead, where it has one; `seen` gives way. */
  publish(state: QuotaState, ended?: readonly string[], seen?: bigint): Promise<bigint | undefined>;
  /** The verdict of a reservation, or the limit that denied it: `held`, `credits: final`, `concurrency: retry`. */
  reserve(order: Order): Promise<string>;
  held(entity?: string): Promise<{ heldPicos: bigint; requestCount: number }>;
  close(): Promise<void>;
};

export type Order = {
  subject?: string;
  requestId: string;
  usd?: string | null;
  /** Held in place of `usd` while enough is left. */
  learnedUsd?: string | null;
  ttlSeconds?: number;
  model?: string;
};

export function anOrder({
  subject,
  requestId,
  usd: amount = '1',
  learnedUsd = null,
  ttlSeconds = 900,
  model = 'm',
}: Order): HoldOrder {
  const named = aSubject(subject);
  return {
    ...named,
    id: reservationIdOf(named, requestId),
    holdPicos: amount === null ? null : usd(amount),
    learnedPicos: amount === null || learnedUsd === null ? null : usd(learnedUsd),
    ttlSeconds,
    content: { model, inputTokens: 1, maxOutputTokens: null },
  };
}

export function idOf(requestId: string, subject: Subject = aSubject()): string {
  return reservationIdOf(subject, requestId);
}

export async function aQuotaRedis(): Promise<QuotaRedis> {
  const server = await aRedis();
  const redis = connectRedis(server.url, 'quota');
  await untilReady(redis);
  const clock = new TestClock();
  const quota = new RedisQuota(redis, clock);
  // A connection trusts no state from before its first question: it is asked now, so that every later state counts.
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
      const answer = await quota.reserve(anOrder(order), 'fresh');
      if (answer.verdict === 'held' && answer.passed !== null) return `held, ${answer.passed.limit}`;
      if (answer.verdict !== 'denied') return answer.verdict;
      return `${answer.limit}: ${answer.retryable ? 'retry' : 'final'}`;
    },
    held: (entity = 'entity1') => quota.held(entity as EntityName),
    async close() {
      redis.disconnect();
      await server.stop();
    },
  };
}
