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
        const starts = [start, ...buckets.map((bucket) => bucket.end)].slice(0, buckets.length);
        expect(buckets.map((bucket) => bucket.start)).toEqual(starts);
        expect(starts.slice(1).map((time) => bucketStart(time, width))).toEqual(starts.slice(1));
        for (const bucket of buckets) {
          const next = bucketStart(bucket.start, width).getTime() + WIDTH_MS[width];
          expect(bucket.end).toEqual(new Date(Math.min(next, end.getTime())));
        }
        const last = buckets.at(-1)?.end ?? end;
        expect(last >= end || buckets.length === countMax).toBe(true);
      }),
    );
  });
});
