/** A circuit breaker for each server: a node of a Cluster that is silent keeps nobody from the others. */
import type { Redis } from 'ioredis';
import type { RedisNodes } from '../platform/redis-nodes.js';
import { RedisCircuitBreaker } from './redis-circuit-breaker.js';

export class RedisBreakers {
  /** A server that was lost, or lost its slots, gets a new breaker: what the old one knew of its states is no longer true. */
  private readonly byNode = new Map<Redis, RedisCircuitBreaker>();
  /** For slots of which nobody says who has them. */
  private readonly unknown: RedisCircuitBreaker;
  private single: RedisCircuitBreaker | null;

  constructor(private readonly nodes: RedisNodes) {
    this.unknown = new RedisCircuitBreaker(nodes.client);
    this.single = nodes.isCluster ? null : this.unknown;
    nodes.onClose(({ redis }) => {
      this.byNode.delete(redis);
      if (this.single !== null) this.single = new RedisCircuitBreaker(nodes.client);
    });
    nodes.onLayout(() => this.keepMasters());
  }

  /** Whether the keys of entities lie in different slots, so that no script takes those of two. */
  get isCluster(): boolean {
    return this.nodes.isCluster;
  }

  /** The one of the server that has the slot. */
  at(keys: { readonly slot: number }): RedisCircuitBreaker {
    if (this.single !== null) return this.single;
    const node = this.nodes.nodeOf(keys.slot);
    return node === null ? this.unknown : this.of(node.redis);
  }

  private of(redis: Redis): RedisCircuitBreaker {
    let breaker = this.byNode.get(redis);
    if (breaker === undefined) {
      breaker = new RedisCircuitBreaker(this.nodes.client, redis);
      this.byNode.set(redis, breaker);
    }
    return breaker;
  }

  private keepMasters(): void {
    const masters = new Set(this.nodes.masters().map(({ redis }) => redis));
    for (const redis of this.byNode.keys()) if (!masters.has(redis)) this.byNode.delete(redis);
  }
}
