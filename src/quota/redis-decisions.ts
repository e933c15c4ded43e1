/**
 * Asks Redis for decisions by states that may decide: what could not be published or handed over before goes first, and what
 * Redis does not know is loaded from Postgres.
 */
import type { Subject } from '../domain/ids.js';
import { isUnavailable } from '../platform/unavailable.js';
import type { PostgresFallback } from './postgres-fallback.js';
import type { Age, RedisQuota } from './redis-quota.js';
import type { Cold } from './script-replies.js';
import type { StateCache } from './state-cache.js';

/** A state that was just loaded can be cold again because a grant or the month ends at that instant, but not three times. */
const ATTEMPTS_MAX = 3;

type Reply = { readonly verdict: string };

export class RedisDecisions {
  constructor(
    private readonly redis: RedisQuota,
    private readonly states: StateCache,
    private readonly fallback: PostgresFallback,
  ) {}

  /**
   * While Postgres is unavailable an aged state decides, and the reply is degraded. Null where Redis is unavailable, or where
   * neither has a state.
   */
  async ask<A extends Reply>(
    subject: Subject,
    command: (age: Age) => Promise<A | Cold>,
  ): Promise<{ reply: A; degraded: boolean } | null> {
    const { entity } = subject;
    try {
      let isLoaded = !this.states.retries.isNeeded(entity) || (await this.states.retries.retry(entity));
      if (!this.fallback.hasHandedOver(entity)) await this.fallback.handOver(entity, this.redis);
      for (let attempt = 1; isLoaded && attempt <= ATTEMPTS_MAX; attempt += 1) {
        const reply = await command('fresh');
        if (!isCold(reply)) return { reply, degraded: false };
        isLoaded = await this.states.warm(subject, reply.at);
      }
      if (isLoaded) return null;
      const reply = await command('aged');
      return isCold(reply) ? null : { reply, degraded: true };
    } catch (error) {
      if (isUnavailable(error, 'redis')) return null;
      throw error;
    }
  }
}

function isCold(reply: Reply): reply is Cold {
  return reply.verdict === 'cold';
}
