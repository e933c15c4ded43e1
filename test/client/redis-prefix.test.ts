/** What stands before keys and queues, on a Redis that is shared and on a Cluster. */
import { describe, expect, it } from '@jest/globals';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { keyPrefixOf, queuePrefixOf, slotOf } from '../../packages/client/src/protocol/redis-prefix.js';
import { USAGE_SHARDS_MAX, usageQueues } from '../../packages/client/src/protocol/usage-queue.js';

const calculateSlot = createRequire(createRequire(import.meta.url).resolve('ioredis'))(
  'cluster-key-slot',
) as (key: string) => number;
const SLOTS = 16_384;

describe('a slot', () => {
  it('is the one that Redis and ioredis reckon for any key, braces or none', () => {
    expect(slotOf('123456789')).toBe(0x31c3 % SLOTS);
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('{', '}', 'a', 'é', '🙂', ':') }), (key) => {
        // Of empty braces ioredis thinks otherwise than Redis.
        fc.pre(!key.includes('{}'));
        expect(slotOf(key)).toBe(calculateSlot(key));
      }),
    );
  });
});

describe('a prefix', () => {
  it('stands before every key, with one colon between', () => {
    expect([null, 'eu', 'eu:', 'eu:1'].map(keyPrefixOf)).toEqual(['', 'eu:', 'eu:', 'eu:1:']);
  });

  it('is BullMQ’s own, which is bull without one', () => {
    const one = (prefix: string | null) => queuePrefixOf('usage-events-1', { prefix, isCluster: false });
    expect([one(null), one('eu')]).toEqual(['bull', 'eu']);
  });

  it.each([null, 'eu', 'eu:1'])(
    '%s stands in braces on a Cluster, and every queue is in one slot',
    (prefix) => {
      const names = { prefix, isCluster: true };
      for (const queue of ['usage-events', 'upkeep-money']) {
        expect(queuePrefixOf(queue, names)).toBe(`{${prefix ?? 'bull'}}`);
      }
      for (const queue of usageQueues(USAGE_SHARDS_MAX).slice(1)) {
        const before = queuePrefixOf(queue, names);
        expect(before).toMatch(/^\{[^{}]+\}$/);
        expect(slotOf(`${before}:${queue}:wait`)).toBe(slotOf(`${before}:${queue}:meta`));
      }
    },
  );

  it.each([null, 'eu'])('%s spreads shards over the nodes of a Cluster, whatever their number', (prefix) => {
    for (const nodes of [2, 3, 4, 6]) {
      for (const shards of [2, 3, 4, 8, 64]) {
        const counts = Array.from({ length: nodes }, () => 0);
        for (const queue of usageQueues(shards).slice(1)) {
          const slot = slotOf(queuePrefixOf(queue, { prefix, isCluster: true }));
          counts[Math.floor((slot * nodes) / SLOTS)]! += 1;
        }
        // Up to three lie as evenly as they can, more nearly so.
        const most = Math.ceil(shards / nodes) + (shards <= 3 ? 0 : 1);
        expect([nodes, shards, Math.max(...counts) <= most]).toEqual([nodes, shards, true]);
      }
    }
  });

  it('keeps two deployments apart, and all shards of one', () => {
    const all = [null, 'eu', 'eu-1', 'us'].flatMap((prefix) =>
      usageQueues(USAGE_SHARDS_MAX).map(
        (queue) => `${queuePrefixOf(queue, { prefix, isCluster: true })}:${queue}`,
      ),
    );
    expect(new Set(all).size).toBe(all.length);
  });
});
