import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { EntityName } from '../../src/domain/ids.js';
import { INPUT_TOKEN_METERS, METERS, promptTokensOf, type Meter } from '../../src/domain/meters.js';
import {
  circumstancesOf,
  costOf,
  knowsTier,
  priceInForce,
  resolve,
  unpricedMeters,
  type Circumstances,
} from '../../src/domain/price.js';
import {
  aPrice,
  attributes,
  instant,
  picos,
  priceTerms,
  quantities,
  region,
  TIERS,
  unitPrices,
} from '../support/random-prices.js';
import { modelCost, modelUnitPrice, promptTokensOfModel } from './price-model.js';

const entity1 = 'entity1' as EntityName;
const day = (date: string): Date => new Date(`${date}T00:00:00Z`);

const event = fc.record({
  quantities,
  serviceTier: fc.constantFrom(...TIERS, 'unheard-of'),
  region,
  attributes: fc.option(attributes, { nil: null }),
  occurredAt: instant,
});

const noon: Circumstances = {
  promptTokens: 1,
  serviceTier: 'default',
  region: null,
  attributes: null,
  at: new Date('2026-11-22T12:00:00Z'),
};

describe('rating', () => {
  it('costs, for any price with variants and any request, what the rule says', () => {
    const equal = fc.property(priceTerms, event, (terms, used) => {
      const met = circumstancesOf(used);
      expect(met.promptTokens).toBe(promptTokensOfModel(used.quantities));
      const cost = costOf(used.quantities, resolve(terms, met).unitPrices);
      expect(cost).toBe(modelCost(terms, used.quantities, met));
    });
    fc.assert(equal, { numRuns: 1_500 });
  });

  it('charges each meter the price that the rule names, and none where it names none', () => {
    const named = fc.property(priceTerms, event, (terms, used) => {
      const met = circumstancesOf(used);
      const { unitPrices: resolved } = resolve(terms, met);
      const expected = METERS.map((meter) => modelUnitPrice(terms, meter, met));
      expect(METERS.map((meter) => resolved[meter])).toEqual(expected);
      const waiting = METERS.filter(
        (meter, index) => used.quantities[meter] && expected[index] === undefined,
      );
      expect(unpricedMeters(used.quantities, resolved)).toEqual(waiting);
    });
    fc.assert(named, { numRuns: 1_500 });
  });

  it('resolves to one rate where the same variants hold', () => {
    const same = fc.property(priceTerms, event, event, (terms, one, other) => {
      const [a, b] = [resolve(terms, circumstancesOf(one)), resolve(terms, circumstancesOf(other))];
      fc.pre(a.holding.join() === b.holding.join());
      expect(a.unitPrices).toEqual(b.unitPrices);
    });
    fc.assert(same);
  });

  it('costs no less when any quantity rises, unless the prompt crosses a size at which the price changes', () => {
    const rising = fc.property(
      priceTerms,
      event,
      fc.constantFrom(...METERS.filter((meter) => meter !== 'request')),
      fc.integer({ min: 1, max: 500 }),
      (terms, used, meter: Meter, more) => {
        const raised = { ...used.quantities, [meter]: (used.quantities[meter] ?? 0) + more };
        const [before, after] = [promptTokensOf(used.quantities), promptTokensOf(raised)];
        const crosses = ({ promptTokensAbove: bound }: { promptTokensAbove?: number }) =>
          bound !== undefined && before <= bound && after > bound;
        const isCrossed =
          INPUT_TOKEN_METERS.includes(meter) && terms.variants.some(({ when }) => crosses(when));
        fc.pre(!isCrossed);
        const costWith = (counts: typeof raised) =>
          costOf(counts, resolve(terms, circumstancesOf({ ...used, quantities: counts })).unitPrices);
        expect(costWith(raised) >= costWith(used.quantities)).toBe(true);
      },
    );
    fc.assert(rising, { numRuns: 1_000 });
  });

  it('is additive under one rate: the cost of a sum of usage is the sum of its costs', () => {
    const additive = fc.property(unitPrices, fc.array(fc.nat(9_999), { minLength: 1 }), (prices, counts) => {
      const sum = counts.reduce((a, b) => a + b);
      const perRequest = prices.request ?? 0n;
      const costs = counts.map((input) => costOf({ input }, prices) - perRequest);
      expect(costOf({ input: sum }, prices) - perRequest).toBe(costs.reduce((a, b) => a + b));
    });
    fc.assert(additive);
  });

  it('is exact at any size', () => {
    const exact = fc.property(
      fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      picos,
      picos,
      (input, output, a, b) => {
        expect(costOf({ input, output }, { input: a, output: b })).toBe(
          BigInt(input) * a + BigInt(output) * b,
        );
      },
    );
    fc.assert(exact);
  });

  it('takes the variant with the most conditions, then the highest prompt size, then the last', () => {
    const terms = {
      prices: { input: 1n },
      variants: [
        { when: { serviceTier: 'flex', region: 'eu' }, prices: { input: 2n }, multiplier: null },
        { when: { promptTokensAbove: 100, region: 'eu' }, prices: { input: 3n }, multiplier: null },
        { when: { promptTokensAbove: 50, region: 'eu' }, prices: { input: 4n }, multiplier: null },
        { when: { serviceTier: 'flex' }, prices: { input: 5n }, multiplier: null },
        { when: { region: 'eu' }, prices: { input: 6n }, multiplier: null },
      ],
    };
    const input = (met: Partial<Circumstances>) => resolve(terms, { ...noon, ...met }).unitPrices.input;
    expect(input({})).toBe(1n);
    expect(input({ serviceTier: 'flex', region: 'eu', promptTokens: 50 })).toBe(2n);
    expect(input({ serviceTier: 'flex', region: 'eu', promptTokens: 51 })).toBe(4n);
    expect(input({ serviceTier: 'flex', region: 'eu', promptTokens: 101 })).toBe(3n);
    expect(input({ serviceTier: 'flex', region: 'us' })).toBe(5n);
    expect(input({ region: 'eu' })).toBe(6n);
  });

  it('falls back on a price of the variant, and rounds what is multiplied half even', () => {
    const half = { numerator: 1n, denominator: 2n };
    const terms = {
      prices: { input: 5n, output: 7n, reasoning: 9n },
      variants: [
        { when: { serviceTier: 'batch' }, prices: { input: 3n }, multiplier: null },
        { when: { region: 'eu' }, prices: {}, multiplier: half },
      ],
    };
    const batch = resolve(terms, { ...noon, serviceTier: 'batch', region: 'eu' }).unitPrices;
    expect([batch.cached_input, batch.output, batch.reasoning]).toEqual([2n, 4n, 4n]);
    expect(resolve(terms, noon).unitPrices.cached_input).toBe(5n);
  });

  it('knows the tiers that a version names, and the default', () => {
    const variants = [{ when: { serviceTier: 'flex' }, prices: {}, multiplier: null }];
    expect(['default', 'flex', 'batch'].map((tier) => knowsTier({ prices: {}, variants }, tier))).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('the price in force', () => {
  const list = aPrice({ id: 1n });
  const newer = aPrice({ id: 2n, effectiveFrom: day('2026-06-01') });
  const own = aPrice({ id: 3n, entity: entity1, effectiveFrom: day('2026-03-01') });
  const book = [list, newer, own];

  it('starts at its instant, inclusive, and ends where the next one starts', () => {
    const at = (time: Date) => priceInForce([list, newer], { model: 'm', entity: entity1, at: time })?.id;
    expect(at(new Date(day('2026-01-01').getTime() - 1))).toBeUndefined();
    expect(at(day('2026-01-01'))).toBe(1n);
    expect(at(new Date(day('2026-06-01').getTime() - 1))).toBe(1n);
    expect(at(day('2026-06-01'))).toBe(2n);
  });

  it("is the entity's own once it has one, and never another entity's", () => {
    expect(priceInForce(book, { model: 'm', entity: entity1, at: day('2026-07-01') })?.id).toBe(3n);
    expect(priceInForce(book, { model: 'm', entity: entity1, at: day('2026-02-01') })?.id).toBe(1n);
    expect(
      priceInForce(book, { model: 'm', entity: 'entity2' as EntityName, at: day('2026-07-01') })?.id,
    ).toBe(2n);
  });

  it('is null for a model that is not in the book', () => {
    expect(priceInForce(book, { model: 'other', entity: entity1, at: day('2026-07-01') })).toBeNull();
  });
});
