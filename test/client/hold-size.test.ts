import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { formatUsd } from '@tally/client/protocol';
import { holdNanos, holdPricesOf } from '../../packages/client/src/leases/hold-size.js';
import { nanosOf, usdOf } from '../../packages/client/src/leases/lease-money.js';
import { formatUsdPerMillion, holdNanos as nanosUp, parseUsd } from '../../src/domain/money.js';
import { worstCasePicos, type Price } from '../../src/domain/price.js';

const tokens = fc.option(fc.nat(2 ** 31 - 1), { nil: undefined });
const picosPerToken = fc.bigInt({ min: 0n, max: 10n ** 10n });

describe('what a gateway computes by itself', () => {
  it('holds for a request exactly what Tally would hold, or leaves what is too large to Tally', () => {
    const holds = fc.property(
      fc.record({ inputTokens: tokens, maxOutputTokens: tokens }, { requiredKeys: [] }),
      picosPerToken,
      picosPerToken,
      (request, input, output) => {
        const price: Price = {
          id: 1n,
          model: 'm',
          entity: null,
          effectiveFrom: new Date(0),
          inputPicosPerToken: input,
          cachedInputPicosPerToken: null,
          outputPicosPerToken: output,
          maxInputTokens: 131_072,
          maxOutputTokens: 8_192,
        };
        const onTheWire = {
          model: 'm',
          input_usd_per_million: formatUsdPerMillion(input),
          output_usd_per_million: formatUsdPerMillion(output),
          input_tokens_default: price.maxInputTokens,
          output_tokens_default: price.maxOutputTokens,
        };
        const rates = holdPricesOf({ prices: [onTheWire] }).get('m')!;
        const given = Object.fromEntries(Object.entries(request).filter(([, count]) => count !== undefined));
        const picos = worstCasePicos(price, given);
        const expected = picos > 9_000_000_000_000_000n ? null : nanosUp(picos);
        expect(holdNanos(rates, given)).toBe(expected);
      },
    );
    fc.assert(holds, { numRuns: 2_000 });
  });

  it('writes and reads amounts as Tally does', () => {
    const amounts = fc.property(fc.nat(Number.MAX_SAFE_INTEGER), (nanos) => {
      expect(parseUsd(usdOf(nanos), '')).toBe(BigInt(nanos) * 1_000n);
      expect(nanosOf(formatUsd(BigInt(nanos) * 1_000n + 999n))).toBe(nanos);
    });
    fc.assert(amounts);
  });
});
