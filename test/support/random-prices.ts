/** Prices with variants of every kind, and requests that may meet them. Values come from small pools, so that they meet often. */
import fc from 'fast-check';
import {
  INPUT_TOKEN_METERS,
  METERS,
  OUTPUT_TOKEN_METERS,
  type Meter,
  type Quantities,
} from '../../src/domain/meters.js';
import type { Conditions, Price, PriceTerms, UnitPrices, Variant } from '../../src/domain/price.js';
import type { UtcWindow } from '../../src/domain/utc-windows.js';

export const TIERS = ['default', 'flex', 'priority', 'batch'] as const;
export const REGIONS = ['eu', 'us'] as const;
const SIZES = [0, 100, 200, 1_000] as const;

export const picos = fc.oneof(fc.bigInt({ min: 0n, max: 20n }), fc.bigInt({ min: 0n, max: 10n ** 10n }));

const COMMON: readonly Meter[] = ['input', 'cached_input', 'output', 'reasoning', 'cache_write', 'request'];

export const unitPrices: fc.Arbitrary<UnitPrices> = fc
  .uniqueArray(fc.tuple(fc.oneof(fc.constantFrom(...COMMON), fc.constantFrom(...METERS)), picos), {
    maxLength: 6,
    selector: ([meter]) => meter,
  })
  .map((entries) => Object.fromEntries(entries));

const quarter = fc.nat(95).map((index) => index * 15);
export const utcWindow: fc.Arbitrary<UtcWindow> = fc.record({ fromMinute: quarter, toMinute: quarter });

export const attributes = fc.dictionary(fc.constantFrom('size', 'quality'), fc.constantFrom('low', 'high'), {
  maxKeys: 2,
});

const conditions: fc.Arbitrary<Conditions> = fc.record(
  {
    promptTokensAbove: fc.constantFrom(...SIZES),
    serviceTier: fc.constantFrom(...TIERS.slice(1)),
    region: fc.constantFrom(...REGIONS),
    utc: fc.array(utcWindow, { minLength: 1, maxLength: 2 }),
    weekdays: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
    attributes,
  },
  { requiredKeys: [] },
);

const multiplier = fc.record({
  numerator: fc.bigInt({ min: 1n, max: 30n }),
  denominator: fc.constantFrom(1n, 10n, 100n),
});

const variant: fc.Arbitrary<Variant> = fc.record({
  when: conditions,
  prices: unitPrices,
  multiplier: fc.option(multiplier, { nil: null, freq: 3 }),
});

export const priceTerms: fc.Arbitrary<PriceTerms> = fc.record({
  prices: unitPrices,
  variants: fc.array(variant, { maxLength: 8 }),
});

export function aPrice(override: Partial<Price> = {}): Price {
  return {
    id: 1n,
    model: 'm',
    entity: null,
    effectiveFrom: new Date('2026-01-01T00:00:00Z'),
    firstForMetersFrom: null,
    prices: { input: 710_000n, output: 710_000n },
    variants: [],
    maxInputTokens: 1_000,
    maxOutputTokens: 100,
    ...override,
  };
}

export const price: fc.Arbitrary<Price> = fc
  .tuple(priceTerms, fc.nat(2_000), fc.nat(500))
  .map(([terms, maxInputTokens, maxOutputTokens]) => aPrice({ ...terms, maxInputTokens, maxOutputTokens }));

/** Within a fortnight, to the millisecond. */
export const instant = fc.nat(14 * 86_400_000).map((ms) => new Date(Date.parse('2026-11-16T00:00:00Z') + ms));

export const region = fc.constantFrom(null, ...REGIONS, 'mars');

/** Any meters but the request itself, which no event counts. */
export const quantities: fc.Arbitrary<Quantities> = fc
  .uniqueArray(
    fc.tuple(
      fc.constantFrom(...METERS.filter((meter) => meter !== 'request')),
      fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 2 ** 31 - 1 })),
    ),
    { maxLength: 8, selector: ([meter]) => meter },
  )
  .map((entries) => Object.fromEntries(entries));

/** So many tokens, on any meters of one side. */
export function split(tokens: number, side: 'input' | 'output'): fc.Arbitrary<Quantities> {
  const meters = side === 'input' ? INPUT_TOKEN_METERS : OUTPUT_TOKEN_METERS;
  const part = fc.tuple(fc.constantFrom(...meters), fc.nat(tokens));
  return fc.tuple(fc.array(part, { maxLength: 3 }), fc.constantFrom(...meters)).map(([parts, last]) => {
    const counts = new Map<Meter, number>();
    let left = tokens;
    for (const [meter, most] of [...parts, [last, tokens] as const]) {
      const count = Math.min(most, left);
      if (count > 0) counts.set(meter, (counts.get(meter) ?? 0) + count);
      left -= count;
    }
    return Object.fromEntries(counts);
  });
}
