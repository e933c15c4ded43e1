import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { allot } from '../../src/reports/allotment.js';

const weights = fc
  .array(fc.bigInt({ min: 0n, max: 10n ** 20n }), { minLength: 1, maxLength: 6 })
  .filter((some) => some.some((weight) => weight > 0n));

describe('an allotment', () => {
  it('loses no unit, whatever the amount and its sign', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), weights, (amount, weights) => {
        expect(allot(amount, weights).reduce((sum, share) => sum + share, 0n)).toBe(amount);
      }),
    );
  });

  it('gives no share more than its weight while the amount is no more than all of them', () => {
    fc.assert(
      fc.property(weights, fc.bigInt({ min: 0n, max: 10n ** 6n }), (weights, parts) => {
        const total = weights.reduce((sum, weight) => sum + weight, 0n);
        const shares = allot((total * parts) / 10n ** 6n, weights);
        expect(shares.every((share, index) => share >= 0n && share <= weights[index]!)).toBe(true);
      }),
    );
  });

  it('is off by less than one unit from the exact proportion', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 25n }), weights, (amount, weights) => {
        const total = weights.reduce((sum, weight) => sum + weight, 0n);
        allot(amount, weights).forEach((share, index) => {
          const off = share * total - amount * weights[index]!;
          expect(off < total && off > -total).toBe(true);
        });
      }),
    );
  });

  it('gives what is left to those that lost most, the earlier first', () => {
    expect(allot(10n, [1n, 1n, 1n])).toEqual([4n, 3n, 3n]);
    expect(allot(-10n, [1n, 1n, 1n])).toEqual([-4n, -3n, -3n]);
    expect(allot(1n, [1n, 3n, 0n])).toEqual([0n, 1n, 0n]);
  });
});
