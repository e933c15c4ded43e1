/** The most that a request with several inputs or outputs may cost. */
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { worstCasePicos } from '../../src/domain/worst-case.js';
import { aPrice, price } from '../support/random-prices.js';

it('the worst case of several inputs and outputs is that of as many as the model allows each, up to what an event may have', () => {
  const at = new Date('2026-11-22T12:00:00Z');
  const open = {
    inputTokens: null,
    maxOutputTokens: null,
    serviceTier: 'default',
    region: null,
    from: at,
    to: at,
  };
  const several = fc.property(
    price,
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 9 }),
    (of, inputs, outputs) => {
      const larger = {
        ...of,
        maxInputTokens: of.maxInputTokens * inputs,
        maxOutputTokens: of.maxOutputTokens * outputs,
      };
      const counted = worstCasePicos(of, { ...open, inputCount: inputs, outputCount: outputs });
      expect(counted).toBe(worstCasePicos(larger, open));
    },
  );
  fc.assert(several);
  const large = { ...aPrice(), maxInputTokens: 100_000, maxOutputTokens: 100_000 };
  const most = worstCasePicos(large, { ...open, inputCount: 1_000_000, outputCount: 1_000_000 });
  const stated = { ...open, inputTokens: 2 ** 31 - 1, maxOutputTokens: 2 ** 31 - 1 };
  expect(most).toBe(worstCasePicos(large, stated));
});
