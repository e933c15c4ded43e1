/** What many entities ask of the gateways now: for lists. While Redis is unavailable nobody can say. */
import type { EntityName } from '../domain/ids.js';
import { isUnavailable } from '../platform/unavailable.js';
import type { DenialExplanations } from './denial-explanations.js';
import type { RedisQuota } from './redis-quota.js';

export type EntityLoad = {
  /** By its requests in flight. */
  readonly heldPicos: bigint;
  /** Its denied requests of the last day, by limit. */
  readonly denied: ReadonlyMap<string, number>;
};

export class EntityLoads {
  constructor(
    private readonly redis: RedisQuota,
    private readonly explanations: DenialExplanations,
  ) {}

  /** Three commands for each of them, sent together. Null while Redis is unavailable. */
  async of(entities: readonly EntityName[]): Promise<ReadonlyMap<EntityName, EntityLoad> | null> {
    try {
      const [held, denied] = await Promise.all([
        Promise.all(entities.map((entity) => this.redis.held(entity))),
        this.explanations.countLastDay(entities),
      ]);
      return new Map(
        entities.map((entity, index) => [
          entity,
          { heldPicos: held[index]!.heldPicos, denied: denied.get(entity) ?? new Map() },
        ]),
      );
    } catch (error) {
      if (isUnavailable(error, 'redis')) return null;
      throw error;
    }
  }
}
