import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { formatUsd } from '@tally/client/protocol';
import { holdNanos, holdPricesOf } from '../../packages/client/src/leases/hold-size.js';
import { nanosOf, usdOf } from '../../packages/client/src/leases/lease-money.js';
import { formatUsdPerMillion, holdNanos as nanosUp, parseUsd } from '../../src/domain/money.js';
import type { Price } from '../../src/domain/price.js';
import { dearestPrices, worstCasePicos } from '../../src/domain/worst-case.js';
import { instant, price, region } from '../support/random-prices.js';

const tokens = fc.option(fc.oneof(fc.nat(2_000), fc.nat(2 ** 31 - 1)), { nil: undefined });
const HOLD_PICOS_MAX = 9_000_000_000_000_000n;

const count = fc.option(fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constant(1_000_000)), { nil: undefined });
const request = fc
  .record({ inputTokens: tokens, maxOutputTokens: tokens, inputCount: count, outputCount: count })
  .map((given) => Object.fromEntries(Object.entries(given).filter(([, count]) => count !== undefined)));

const during = fc.tuple(instant, fc.nat(86_400)).map(([from, seconds]) => ({
  serviceTier: 'default',
  region: null,
  from,
  to: new Date(from.getTime() + seconds * 1_000),
}));

/** As a lease states them. */
function ratesOf(of: Price, expected: Parameters<typeof dearestPrices>[1]) {
  const { inputPicos, outputPicos, requestPicos } = dearestPrices(of, expected);
  const onTheWire = {
    model: 'm',
    input_usd_per_million: formatUsdPerMillion(inputPicos),
    output_usd_per_million: formatUsdPerMillion(outputPicos),
    request_usd: formatUsd(requestPicos),
    input_tokens_default: of.maxInputTokens,
    output_tokens_default: of.maxOutputTokens,
  };
  return holdPricesOf({ prices: [onTheWire] }).get('m')!;
}

describe('what a gateway computes by itself', () => {
  it('holds for a request exactly what the dearest prices make of it, or leaves what is too large to Tally', () => {
    const holds = fc.property(price, during, request, (of, expected, given) => {
      const { inputPicos, outputPicos, requestPicos } = dearestPrices(of, expected);
      const ofEach = (most: number, number = 1) =>
        number === 1 ? most : Math.min(most * number, 2 ** 31 - 1);
      const inputTokens = given['inputTokens'] ?? ofEach(of.maxInputTokens, given['inputCount']);
      const maxOutputTokens = given['maxOutputTokens'] ?? ofEach(of.maxOutputTokens, given['outputCount']);
      const picos = BigInt(inputTokens) * inputPicos + BigInt(maxOutputTokens) * outputPicos + requestPicos;
      const held = picos > HOLD_PICOS_MAX ? null : nanosUp(picos);
      expect(holdNanos(ratesOf(of, expected), given)).toBe(held);
    });
    fc.assert(holds, { numRuns: 1_000 });
  });

  it('holds no less than Tally would, and the same for a price without variants', () => {
    const noLess = fc.property(price, during, region, request, (of, expected, place, given) => {
      const order = {
        inputTokens: given['inputTokens'] ?? null,
        maxOutputTokens: given['maxOutputTokens'] ?? null,
        inputCount: given['inputCount'] ?? 1,
        outputCount: given['outputCount'] ?? 1,
      };
      const here = holdNanos(ratesOf(of, expected), given) ?? Infinity;
      expect(here).toBeGreaterThanOrEqual(
        nanosUp(worstCasePicos(of, { ...expected, region: place, ...order })),
      );
      const plain = { ...of, variants: [] };
      const picos = worstCasePicos(plain, { ...expected, ...order });
      const central = picos > HOLD_PICOS_MAX ? null : nanosUp(picos);
      expect(holdNanos(ratesOf(plain, expected), given)).toBe(central);
    });
    fc.assert(noLess, { numRuns: 1_000 });
  });

  it.each([0, -1, 1.5, 1_000_001, NaN, null])(
    'leaves a request with %s inputs or answers to Tally',
    (count) => {
      const picos = { inputPicosPerToken: 1_000, outputPicosPerToken: 1_000, requestPicos: 0 };
      const prices = { ...picos, inputTokensDefault: 10, outputTokensDefault: 5 };
      expect(holdNanos(prices, {})).toBe(15);
      expect(holdNanos(prices, { inputCount: count as number })).toBe(null);
      expect(holdNanos(prices, { outputCount: count as number })).toBe(null);
    },
  );

  it('takes a price for the request as nothing where Tally states none', () => {
    const price = {
      model: 'm',
      input_usd_per_million: '1',
      output_usd_per_million: '2',
      input_tokens_default: 10,
      output_tokens_default: 5,
    };
    const holdOf = (more: object) =>
      holdNanos(holdPricesOf({ prices: [{ ...price, ...more }] }).get('m')!, {});
    expect([holdOf({}), holdOf({ request_usd: '0.01' })]).toEqual([20_000, 10_020_000]);
  });

  it('writes and reads amounts as Tally does', () => {
    const amounts = fc.property(fc.nat(Number.MAX_SAFE_INTEGER), (nanos) => {
      expect(parseUsd(usdOf(nanos), '')).toBe(BigInt(nanos) * 1_000n);
      expect(nanosOf(formatUsd(BigInt(nanos) * 1_000n + 999n))).toBe(nanos);
    });
    fc.assert(amounts);
  });
});
