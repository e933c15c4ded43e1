import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { METERS } from '../../src/domain/meters.js';
import { sumByMeter } from '../../src/reports/meter-sums.js';

const counted = METERS.filter((meter) => meter !== 'request');
const usage = fc
  .record({
    requests: fc.bigInt({ min: -5n, max: 5n }),
    quantities: fc.dictionary(
      fc.constantFrom(...counted),
      fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }),
    ),
    unitPrices: fc.option(fc.dictionary(fc.constantFrom(...METERS), fc.bigInt({ min: 0n, max: 10n ** 12n }))),
  })
  .map((row) => {
    const used = Object.entries<bigint>({ ...row.quantities, request: row.requests });
    const costPicos = used.reduce(
      (sum, [meter, quantity]) => sum + quantity * (row.unitPrices?.[meter] ?? 0n),
      0n,
    );
    return { ...row, costPicos };
  });

describe('usage of several rates, by meter', () => {
  it('loses no picodollar and no quantity, and tells what has no price', () => {
    fc.assert(
      fc.property(fc.array(usage, { maxLength: 8 }), (rows) => {
        const sums = sumByMeter(rows);
        const total = (picos: readonly bigint[]) => picos.reduce((a, b) => a + b, 0n);
        expect(total(sums.map((sum) => sum.costPicos))).toBe(total(rows.map((row) => row.costPicos)));
        for (const meter of counted) {
          const of = (some: typeof rows) => total(some.map(({ quantities }) => quantities[meter] ?? 0n));
          const sum = sums.find((one) => one.meter === meter);
          expect(sum?.quantity ?? 0n).toBe(of(rows));
          expect(sum?.unpriced ?? 0n).toBe(of(rows.filter((row) => row.unitPrices?.[meter] === undefined)));
        }
        expect(sums.map(({ meter }) => METERS.indexOf(meter))).toEqual(
          sums.map(({ meter }) => METERS.indexOf(meter)).toSorted((a, b) => a - b),
        );
      }),
    );
  });
});
