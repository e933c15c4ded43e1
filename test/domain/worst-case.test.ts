import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  INPUT_TOKEN_METERS,
  OUTPUT_TOKEN_METERS,
  type Meter,
  type Quantities,
} from '../../src/domain/meters.js';
import { circumstancesOf, costOf, resolve, type Price, type Variant } from '../../src/domain/price.js';
import { boundingTerms } from '../../src/domain/bounding-terms.js';
import {
  AUTO_TIER,
  combinationCount,
  dearestPrices,
  worstCasePicos,
  type Expected,
} from '../../src/domain/worst-case.js';
import { aPrice, attributes, instant, price, region, split, TIERS } from '../support/random-prices.js';

type Event = Parameters<typeof circumstancesOf>[0];

function costAt(of: Price, event: Event): bigint {
  return costOf(event.quantities, resolve(of, circumstancesOf(event)).unitPrices);
}

const expectation: fc.Arbitrary<Expected> = fc
  .record({
    inputTokens: fc.option(fc.nat(2_500), { nil: null }),
    maxOutputTokens: fc.option(fc.nat(500), { nil: null }),
    serviceTier: fc.constantFrom(...TIERS, AUTO_TIER, 'unheard-of'),
    region,
    from: instant,
    lastsMs: fc.nat(86_400_000),
  })
  .map(({ lastsMs, ...rest }) => ({ ...rest, to: new Date(rest.from.getTime() + lastsMs) }));

/** Any event of a request that is as expected; its prompt is `promptTokens` where that is given. */
function eventOf(
  { maxInputTokens, maxOutputTokens }: Price,
  expected: Expected,
  promptTokens: fc.Arbitrary<number> = expected.inputTokens === null
    ? fc.nat(maxInputTokens)
    : fc.constant(expected.inputTokens),
): fc.Arbitrary<Event> {
  const output = fc.nat(expected.maxOutputTokens ?? maxOutputTokens);
  const { from, to } = expected;
  return fc.record({
    quantities: fc
      .tuple(
        promptTokens.chain((tokens) => split(tokens, 'input')),
        output.chain((tokens) => split(tokens, 'output')),
      )
      .map(([input, answer]): Quantities => ({ ...input, ...answer })),
    serviceTier:
      expected.serviceTier === AUTO_TIER
        ? fc.constantFrom(...TIERS, 'unheard-of')
        : fc.constant(expected.serviceTier),
    region: expected.region === null ? region : fc.constant(expected.region),
    attributes: fc.option(attributes, { nil: null }),
    occurredAt: fc.integer({ min: from.getTime(), max: to.getTime() }).map((ms) => new Date(ms)),
  });
}

const isByToken = ({ prices, variants }: Price): boolean =>
  [prices, ...variants.map((variant) => variant.prices)].some((each) =>
    [...INPUT_TOKEN_METERS, ...OUTPUT_TOKEN_METERS].some((meter) => each[meter] !== undefined),
  );

describe('the worst case', () => {
  it('is exceeded by no request that is as expected, for any price with variants', () => {
    const bounded = fc.property(
      price.chain((of) =>
        expectation.chain((expected) =>
          fc.tuple(fc.constant(of), fc.constant(expected), eventOf(of, expected)),
        ),
      ),
      ([of, expected, event]) => {
        expect(costAt(of, event) <= worstCasePicos(of, expected)).toBe(true);
      },
    );
    fc.assert(bounded, { numRuns: 700 });
  });

  it('is met by a request where nothing is open', () => {
    const exact = fc.property(
      price.filter(isByToken),
      fc.nat(2_500),
      fc.nat(500),
      fc.constantFrom(...TIERS),
      fc.constantFrom('eu', 'us', 'mars'),
      instant,
      (of, inputTokens, maxOutputTokens, serviceTier, place, at) => {
        const closed = of.variants.map((variant) => withoutAttributes(variant));
        const known = { ...of, variants: closed };
        const expected = { inputTokens, maxOutputTokens, serviceTier, region: place, from: at, to: at };
        const costs = INPUT_TOKEN_METERS.flatMap((input) =>
          OUTPUT_TOKEN_METERS.map((output) =>
            costAt(known, {
              quantities: positive({ [input]: inputTokens, [output]: maxOutputTokens }),
              serviceTier,
              region: place,
              attributes: null,
              occurredAt: at,
            }),
          ),
        );
        const dearest = costs.reduce((a, b) => (a > b ? a : b));
        const worst = worstCasePicos(known, expected);
        // What has a price of nothing by the token is held by its other meters.
        const resolved = resolve(known, {
          promptTokens: inputTokens,
          serviceTier,
          region: place,
          attributes: null,
          at,
        }).unitPrices;
        const isFree = [...INPUT_TOKEN_METERS, ...OUTPUT_TOKEN_METERS].every((meter) => !resolved[meter]);
        fc.pre(!isFree);
        expect(worst).toBe(dearest);
      },
    );
    fc.assert(exact, { numRuns: 700 });
  });

  it('is never above the terms that bound it', () => {
    const bounding = fc.property(price, expectation, (of, expected) => {
      fc.pre(expected.serviceTier !== AUTO_TIER && expected.region !== null);
      const { serviceTier, region: place } = expected;
      const bound = { ...of, ...boundingTerms(of, { serviceTier, region: place }) };
      const most = dearestPrices(bound, expected);
      const exact = dearestPrices(of, expected);
      expect(most.inputPicos >= exact.inputPicos && most.outputPicos >= exact.outputPicos).toBe(true);
    });
    fc.assert(bounding);
  });

  it('rises with what is left open', () => {
    const rising = fc.property(price, expectation, (of, expected) => {
      // An unknown tier is none that a server chooses.
      const isNamed = expected.serviceTier !== 'unheard-of';
      const isWithin = (expected.inputTokens ?? 0) <= of.maxInputTokens;
      const opened: Expected[] = [
        { ...expected, region: null },
        { ...expected, to: new Date(expected.to.getTime() + 3_600_000) },
        ...(isNamed ? [{ ...expected, serviceTier: AUTO_TIER }] : []),
        ...(isWithin ? [{ ...expected, inputTokens: null }] : []),
      ];
      const worst = worstCasePicos(of, expected);
      for (const more of opened) expect(worstCasePicos(of, more) >= worst).toBe(true);
    });
    fc.assert(rising, { numRuns: 700 });
  });

  it("holds what a request states and, where it states nothing, the model's maximums", () => {
    const at = new Date('2026-11-22T12:00:00Z');
    const open = { serviceTier: 'default', region: null, from: at, to: at };
    const stated = { inputTokens: 812, maxOutputTokens: 1_024, ...open };
    expect(worstCasePicos(aPrice(), stated)).toBe(1_303_560_000n);
    expect(worstCasePicos(aPrice(), { inputTokens: null, maxOutputTokens: null, ...open })).toBe(
      1_100n * 710_000n,
    );
  });

  it('holds the dearest size up to the maximum where the prompt is unknown, even if larger prompts are cheaper', () => {
    const at = new Date('2026-11-22T12:00:00Z');
    const cheaper: Variant = { when: { promptTokensAbove: 900 }, prices: { input: 1n }, multiplier: null };
    const of = aPrice({ prices: { input: 10n }, variants: [cheaper] });
    const open = { maxOutputTokens: 0, serviceTier: 'default', region: null, from: at, to: at };
    expect(worstCasePicos(of, { inputTokens: null, ...open })).toBe(9_000n);
    expect(worstCasePicos(of, { inputTokens: 1_000, ...open })).toBe(1_000n);
  });

  it('holds one of each meter of a model that is not priced by the token', () => {
    const at = new Date('2026-11-22T12:00:00Z');
    const expected = {
      inputTokens: 5,
      maxOutputTokens: 5,
      serviceTier: 'default',
      region: null,
      from: at,
      to: at,
    };
    const high: Variant = {
      when: { attributes: { quality: 'high' } },
      prices: { image: 9n },
      multiplier: null,
    };
    expect(worstCasePicos(aPrice({ prices: { image: 3n, request: 1n }, variants: [high] }), expected)).toBe(
      10n,
    );
    expect(worstCasePicos(aPrice({ prices: { page: 4n } }), expected)).toBe(4n);
  });

  it('is bounded at once where a price has more combinations than can be looked at', () => {
    const each = <T>(make: (index: number) => T) => Array.from({ length: 9 }, (_, index) => make(index));
    const when = (conditions: Variant['when'], input: number): Variant => ({
      when: conditions,
      prices: { input: BigInt(input) },
      multiplier: null,
    });
    const dear = { numerator: 11n, denominator: 10n };
    const variants: Variant[] = [
      ...each((index) => when({ serviceTier: `t${index}` }, index)),
      ...each((index) => ({ when: { region: `r${index}` }, prices: {}, multiplier: dear })),
      ...each((index) => when({ attributes: { size: `s${index}` } }, index)),
      ...each((index) => when({ promptTokensAbove: index }, index)),
      ...each((index) => when({ utc: [{ fromMinute: index * 60, toMinute: index * 60 + 30 }] }, 100 + index)),
    ];
    const of = aPrice({ prices: { input: 50n, output: 20n }, variants });
    expect(combinationCount(of)).toBe(1_000);
    const from = new Date('2026-11-22T00:00:00Z');
    const to = new Date('2026-11-23T00:00:00Z');
    const expected = {
      inputTokens: 1_000,
      maxOutputTokens: 100,
      serviceTier: AUTO_TIER,
      region: null,
      from,
      to,
    };
    const startedAt = performance.now();
    // The dearest hour, in a region that costs a tenth more.
    expect(worstCasePicos(of, expected)).toBe(1_000n * 119n + 100n * 22n);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it('counts the combinations that it would look at', () => {
    const variants: Variant[] = ['eu', 'us'].flatMap((place) =>
      ['flex', 'batch'].map((tier) => ({
        when: { region: place, serviceTier: tier, attributes: { size: place } },
        prices: { input: 1n },
        multiplier: null,
      })),
    );
    expect(combinationCount({ prices: {}, variants })).toBe(27);
  });
});

describe('the dearest prices', () => {
  it('are exceeded by no request of any size, also beyond what the model is said to take', () => {
    const bounded = fc.property(
      price.chain((of) =>
        expectation.chain((expected) =>
          fc.tuple(fc.constant(of), fc.constant(expected), eventOf(of, expected, fc.nat(5_000))),
        ),
      ),
      ([of, expected, event]) => {
        const { inputPicos, outputPicos, requestPicos } = dearestPrices(of, expected);
        const sum = (meters: readonly Meter[]) =>
          meters.reduce((total, meter) => total + BigInt(event.quantities[meter] ?? 0), 0n);
        const held =
          sum(INPUT_TOKEN_METERS) * inputPicos + sum(OUTPUT_TOKEN_METERS) * outputPicos + requestPicos;
        expect(costAt(of, event) <= held).toBe(true);
        expect(worstCasePicos(of, { ...expected, inputTokens: 0, maxOutputTokens: 0 }) <= requestPicos).toBe(
          true,
        );
      },
    );
    fc.assert(bounded, { numRuns: 700 });
  });
});

function withoutAttributes({ when, ...rest }: Variant): Variant {
  const { attributes: open, ...others } = when;
  return open === undefined ? { when, ...rest } : { when: others, ...rest };
}

function positive(counts: Record<string, number>): Quantities {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}
