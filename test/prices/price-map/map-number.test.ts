import fc from 'fast-check';
import {
  readDollars,
  readDollarsPerMillion,
  readMultiplier,
} from '../../../src/prices/price-map/map-number.js';

describe('numbers of a price map', () => {
  it.each([
    [2.9999900000000002e-6, 2_999_990n, false],
    [1.5000020000000002e-5, 15_000_020n, false],
    [4.4e-12, 4n, true],
    [4.5e-12, 4n, true],
    [5.5e-12, 6n, true],
    [0.0002833333333333333, 283_333_333n, true],
    [0.00028333333333, 283_333_333n, true],
    [1e-13, 0n, true],
    [0, 0n, false],
    ['3e-7', 300_000n, false],
    ['0.000003', 3_000_000n, false],
  ])('%s is %s picodollars (rounded: %s)', (value, picos, rounded) => {
    expect(readDollars(value, 'input')).toEqual({ picos, rounded });
  });

  it.each([
    -1e-6,
    NaN,
    Infinity,
    0.02,
    '',
    'free',
    '1,5',
    '0x10',
    true,
    null,
    {},
    `1${'0'.repeat(60)}`,
    '1e999',
  ])('%s is no price of a token', (value) => {
    expect(readDollars(value, 'input')).toBeNull();
  });

  it('takes the noise of a large price for noise, and a third of a picodollar for none', () => {
    expect(readDollars(0.1 + 0.2, 'page')).toEqual({ picos: 300_000_000_000n, rounded: false });
    expect(readDollars(1 / 3, 'page')).toEqual({ picos: 333_333_333_333n, rounded: true });
  });

  it('takes up to $10,000 for what is counted one by one', () => {
    expect(readDollars(10_000, 'page')?.picos).toBe(10_000n * 10n ** 12n);
    expect(readDollars(10_001, 'page')).toBeNull();
  });

  it('reads back every whole number of picodollars, with noise in its last digits', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 10n }),
        fc.constantFrom(-2, -1, 0, 1, 2),
        (picos, noise) => {
          const usd = (Number(picos) / 1e12) * (1 + noise * Number.EPSILON);
          const read = usd > 0.01 ? { picos, rounded: false } : readDollars(usd, 'input');
          expect(read).toEqual({ picos, rounded: false });
        },
      ),
    );
  });

  it('reads dollars per million as a millionth of them', () => {
    expect(readDollarsPerMillion(0.71, 'input')).toEqual({ picos: 710_000n, rounded: false });
  });

  it.each([
    [1.1, '1.1'],
    [2.0, '2'],
    ['1.10', '1.1'],
    [0, null],
    [-1.1, null],
    [1e-7, null],
    [1_001, null],
    [true, null],
  ])('the multiplier %s is %s', (value, multiplier) => {
    expect(readMultiplier(value)).toBe(multiplier);
  });
});
