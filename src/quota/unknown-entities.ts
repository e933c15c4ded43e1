/** Entities that only asked for decisions: nobody created them and they used nothing, so Redis knows them and Postgres does not. */
import { Inject, Injectable } from '@nestjs/common';
import type { Redis } from 'ioredis';
import type { EntityName } from '../domain/ids.js';
import { askRedis } from '../platform/redis-errors.js';
import { isUnavailable } from '../platform/unavailable.js';
import { RedisNodes } from '../platform/redis-nodes.js';
import { QUOTA_REDIS } from '../platform/redis.js';
import { Database } from '../platform/database.js';
import { Accounts } from '../accounts/accounts.js';
import { RedisKeys } from './redis-keys.js';

/** Keys that Redis looks at in one step. It does nothing else meanwhile. */
const SCANNED_KEYS = 1_000;

@Injectable()
export class UnknownEntities {
  constructor(
    @Inject(QUOTA_REDIS) private readonly redis: RedisNodes,
    private readonly database: Database,
    private readonly accounts: Accounts,
  ) {}

  /**
   * Looks through all keys of Redis, so use it rarely. Ends early with a server that becomes unavailable, which invalidates all its
   * states anyway.
   */
  async *pages(): AsyncGenerator<EntityName[]> {
    for (const { redis } of this.redis.masters()) yield* this.pagesOf(redis);
  }

  private async *pagesOf(redis: Redis): AsyncGenerator<EntityName[]> {
    const keys = new RedisKeys(this.redis.names.prefix);
    try {
      for (let cursor = '0', more = true; more; more = cursor !== '0') {
        const looked = redis.scan(cursor, 'MATCH', keys.statePattern, 'COUNT', SCANNED_KEYS);
        const [next, found] = await askRedis(looked);
        const names = found.flatMap((key) => keys.entityOfState(key) ?? []);
        if (names.length > 0) yield await this.accounts.unknown(this.database.reader, names);
        cursor = next;
      }
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    }
  }
}
