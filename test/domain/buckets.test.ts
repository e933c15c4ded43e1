import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bucketsOf, bucketStart, WIDTH_MS } from '../../src/domain/buckets.js';

const aTime = fc
  .integer({ min: 0, max: 4_000_000 })
  .map((seconds) => new Date(1_764_000_000_000 + seconds * 1000));
const aWidth = fc.constantFrom('1m', '1h', '1d' as const);

describe('buckets', () => {
  it('cover a range without a gap or an overlap, aligned but at both ends', () => {
    fc.assert(
      fc.property(aTime, aTime, aWidth, fc.integer({ min: 1, max: 50 }), (start, end, width, countMax) => {
        const buckets = bucketsOf({ start, end }, width, countMax);
        expect(buckets.length > 0).toBe(start < end);
        buckets.forEach((bucket, index) => {
          expect(bucket.start).toEqual(index === 0 ? start : buckets[index - 1]!.end);
          expect(bucket.end > bucket.start && bucket.end <= end).toBe(true);
          expect(bucket.end.getTime() - bucketStart(bucket.start, width).getTime()).toBeLessThanOrEqual(
            WIDTH_MS[width],
          );
          if (index > 0) expect(bucketStart(bucket.start, width)).toEqual(bucket.start);
        });
        if (buckets.length > 0 && buckets.length < countMax) expect(buckets.at(-1)!.end).toEqual(end);
      }),
    );
  });
});
