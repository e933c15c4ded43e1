/** Entities that only asked for decisions: nobody created them and they used nothing, so Redis knows them and Postgres does not. */
import { Inject, Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import type { EntityName } from '../domain/ids.js';
import { askRedis } from '../platform/redis-errors.js';
import { isUnavailable } from '../platform/unavailable.js';
import { QUOTA_REDIS } from '../platform/redis.js';
import { Database } from '../platform/database.js';
import { Accounts } from '../accounts/accounts.js';
import { entityOfStateKey, stateKey } from './redis-keys.js';

/** Keys that Redis looks at in one step. It does nothing else meanwhile. */
const SCANNED_KEYS = 1_000;

@Injectable()
export class UnknownEntities {
  constructor(
    @Inject(QUOTA_REDIS) private readonly redis: Redis,
    private readonly database: Database,
    private readonly accounts: Accounts,
  ) {}

  /**
   * Looks through all keys of Redis, so use it rarely. Ends early where Redis becomes unavailable, which invalidates all its
   * states anyway.
   */
  async *pages(): AsyncGenerator<EntityName[]> {
    try {
      for (let cursor = '0', more = true; more; more = cursor !== '0') {
        const pattern = stateKey('*' as EntityName);
        const [next, keys] = await askRedis(this.redis.scan(cursor, 'MATCH', pattern, 'COUNT', SCANNED_KEYS));
        const names = keys.flatMap((key) => entityOfStateKey(key) ?? []);
        if (names.length > 0) yield await this.accounts.unknown(this.database.reader, names);
        cursor = next;
      }
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    }
  }
}
