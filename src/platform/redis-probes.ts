/** Keys of ours that show whether each server takes writes: a server that answers may still refuse them. */
import { keyPrefixOf, queuePrefixOf, slotOf } from '@tally/client/protocol';
import type { RedisNodes } from './redis-nodes.js';

/** Three times the slots of a Cluster: enough to find a node with one slot in a thousand. */
const KEYS_TRIED_MAX = 3 * 16_384;

/** Which keys a connection must be able to write. */
export type RedisUse = 'quota' | 'queue';

type ProbeKey = (n: number) => string;

/** A user of Redis may have rights to the keys of only one use. */
export function probeKeys({ names }: RedisNodes, use: RedisUse): ProbeKey {
  if (use === 'queue') return (n) => `${queuePrefixOf('', names)}:probe-${n}:start`;
  return (n) => `${keyPrefixOf(names.prefix)}tally:{probe-${n}}:start`;
}

/** A key for each master of a Cluster, by the master's name. A master without slots has none, nor has one with so few that no key falls there. */
export function keyOfEach(nodes: RedisNodes, keyOf: ProbeKey): Map<string | null, string> {
  const missing = new Set(nodes.masters().map(({ name }) => name));
  const keys = new Map<string | null, string>();
  for (let n = 1; n <= KEYS_TRIED_MAX && missing.size > 0; n += 1) {
    const owner = nodes.nodeOf(slotOf(keyOf(n)));
    if (owner !== null && missing.delete(owner.name)) keys.set(owner.name, keyOf(n));
  }
  return keys;
}

/**
 * Asks each master whether it takes writes. It rejects where its memory or disk is full, it has too few replicas, or it has become a replica.
 * The keys of a queue lie in one slot of a Cluster, so its other nodes are only asked whether they answer.
 */
export class WriteProbe {
  /** By master. */
  private keys: ReadonlyMap<string | null, string> = new Map();
  private isStale = true;

  constructor(
    private readonly nodes: RedisNodes,
    private readonly use: RedisUse,
  ) {
    nodes.onLayout(() => (this.isStale = true));
  }

  ask(): Promise<unknown>[] {
    if (this.isStale) this.keys = this.find();
    this.isStale = false;
    return this.nodes.masters().map(({ name, redis }) => {
      const key = this.keys.get(name);
      // Where a slot has just moved, the client follows it.
      return key === undefined ? redis.ping() : this.nodes.client.set(key, '1', 'PX', 1);
    });
  }

  private find(): ReadonlyMap<string | null, string> {
    const keyOf = probeKeys(this.nodes, this.use);
    if (this.use === 'quota' && this.nodes.isCluster) return keyOfEach(this.nodes, keyOf);
    const owner = this.nodes.nodeOf(slotOf(keyOf(1)));
    return owner === null ? new Map() : new Map([[owner.name, keyOf(1)]]);
  }
}
