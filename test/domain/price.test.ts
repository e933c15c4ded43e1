import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { EntityName } from '../../src/domain/ids.js';
import { priceInForce, rate, worstCasePicos, type Price } from '../../src/domain/price.js';

const entity1 = 'entity1' as EntityName;
const day = (date: string): Date => new Date(`${date}T00:00:00Z`);

function aPrice(override: Partial<Price> = {}): Price {
  return {
    id: 1n,
    model: 'm',
    entity: null,
    effectiveFrom: day('2026-01-01'),
    inputPicosPerToken: 710_000n,
    cachedInputPicosPerToken: null,
    outputPicosPerToken: 710_000n,
    maxInputTokens: 1_000,
    maxOutputTokens: 100,
    ...override,
  };
}

const count = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const unit = fc.bigInt({ min: 0n, max: 10n ** 10n });

describe('rating', () => {
  it('is the exact sum of tokens times unit price, at any size', () => {
    fc.assert(
      fc.property(
        count,
        count,
        count,
        unit,
        fc.option(unit, { nil: null }),
        unit,
        (input, cached, output, a, b, c) => {
          const price = aPrice({
            inputPicosPerToken: a,
            cachedInputPicosPerToken: b,
            outputPicosPerToken: c,
          });
          const tokens = {
            inputTokens: input,
            cachedInputTokens: cached,
            outputTokens: output,
            reasoningTokens: 0,
          };
          expect(rate(tokens, price)).toBe(
            BigInt(input) * a + BigInt(cached) * (b ?? a) + BigInt(output) * c,
          );
        },
      ),
    );
  });

  it('is additive: the cost of a sum of usage is the sum of its costs', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(9_999), fc.nat(9_999), fc.nat(9_999))),
        unit,
        unit,
        (list, a, c) => {
          const price = aPrice({
            inputPicosPerToken: a,
            cachedInputPicosPerToken: a / 2n,
            outputPicosPerToken: c,
          });
          const usage = list.map(([inputTokens, cachedInputTokens, outputTokens]) => ({
            inputTokens,
            cachedInputTokens,
            outputTokens,
            reasoningTokens: 0,
          }));
          const sum = usage.reduce(
            (total, one) => ({
              inputTokens: total.inputTokens + one.inputTokens,
              cachedInputTokens: total.cachedInputTokens + one.cachedInputTokens,
              outputTokens: total.outputTokens + one.outputTokens,
              reasoningTokens: 0,
            }),
            { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0 },
          );
          expect(rate(sum, price)).toBe(usage.reduce((total, one) => total + rate(one, price), 0n));
        },
      ),
    );
  });

  it('never charges more than the worst case that a hold reserves', () => {
    fc.assert(
      fc.property(
        fc.nat(1_000),
        fc.nat(1_000),
        fc.nat(100),
        unit,
        unit,
        unit,
        (input, cached, output, a, b, c) => {
          const price = aPrice({
            inputPicosPerToken: a,
            cachedInputPicosPerToken: b,
            outputPicosPerToken: c,
          });
          const cost = rate(
            { inputTokens: input, cachedInputTokens: cached, outputTokens: output, reasoningTokens: 0 },
            price,
          );
          expect(
            cost <= worstCasePicos(price, { inputTokens: input + cached, maxOutputTokens: output }),
          ).toBe(true);
        },
      ),
    );
  });

  it("holds the worst case of what a request states and, where it states nothing, the model's maximums", () => {
    expect(worstCasePicos(aPrice(), { inputTokens: 812, maxOutputTokens: 1_024 })).toBe(1_303_560_000n);
    expect(worstCasePicos(aPrice(), {})).toBe(1_100n * 710_000n);
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
