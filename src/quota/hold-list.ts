/** What holds an entity's money, one by one, for a person to look at. While Redis is unavailable nobody can say. */
import type { EntityName } from '../domain/ids.js';
import type { Order } from '../http/list-order.js';
import { isUnavailable } from '../platform/unavailable.js';
import type { HeldThing } from './hold-text.js';
import { notFound, overloaded } from './quota-errors.js';
import type { RedisQuota } from './redis-quota.js';

export class HoldList {
  constructor(private readonly redis: RedisQuota) {}

  /** A page of requests in flight and leases, by when they expire. Null where `after` is none of them. */
  page(
    entity: EntityName,
    page: { order: Order; after: string | null; limit: number },
  ): Promise<readonly HeldThing[] | null> {
    return answered(this.redis.list(entity, page));
  }

  /** Throws `not_found` where the hold has ended. */
  async find(entity: EntityName, id: string): Promise<HeldThing> {
    const found = await answered(this.redis.find(entity, id));
    if (found === null) throw notFound(id);
    return found;
  }
}

async function answered<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw isUnavailable(error, 'redis') ? overloaded() : error;
  }
}
