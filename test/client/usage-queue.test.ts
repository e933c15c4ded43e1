import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bucketOf, BUCKETS } from '../../packages/client/src/protocol/bucket.js';
import {
  USAGE_SHARDS_MAX,
  usageQueueOf,
  usageQueues,
} from '../../packages/client/src/protocol/usage-queue.js';

describe('the queue of an entity', () => {
  it('is usage-events itself where usage is not spread', () => {
    expect([usageQueueOf('entity1', 1), usageQueues(1)]).toEqual(['usage-events', ['usage-events']]);
  });

  it('is the same for everybody who knows the number of shards: its bucket times shards, over 65,536', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }),
        fc.integer({ min: 2, max: USAGE_SHARDS_MAX }),
        (entity, shards) => {
          const n = Math.floor((bucketOf(entity) * shards) / BUCKETS);
          expect(usageQueueOf(entity, shards)).toBe(`usage-events-${n}`);
          expect(usageQueues(shards)).toContain(`usage-events-${n}`);
        },
      ),
    );
    expect(usageQueueOf('entity1', 4)).toBe('usage-events-3');
  });

  it('is one of those that a worker takes, and so is usage-events, for producers that know of no shards', () => {
    expect(usageQueues(3)).toEqual(['usage-events', 'usage-events-0', 'usage-events-1', 'usage-events-2']);
  });
});
