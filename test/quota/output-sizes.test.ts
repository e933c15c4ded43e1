import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  classOf,
  learnedOutputTokens,
  OUTPUT_SHARE,
  REQUESTS_SEEN_MIN,
  type OutputSize,
} from '../../src/quota/output-sizes.js';

const TOKENS_MAX = 2 ** 31 - 1;
const tokens = fc.oneof(fc.nat(200), fc.nat(10_000), fc.nat(TOKENS_MAX));

function sizesOf(outputs: readonly number[]): OutputSize[] {
  const counts = new Map<number, number>();
  for (const output of outputs) counts.set(classOf(output), (counts.get(classOf(output)) ?? 0) + 1);
  return [...counts].map(([tokensMax, requests]) => ({ tokensMax, requests }));
}

describe('a size class', () => {
  it('is never below the sizes that it contains, and at most a fifth above them', () => {
    fc.assert(
      fc.property(tokens, (count) => {
        expect(classOf(count)).toBeGreaterThanOrEqual(count);
        expect(classOf(count)).toBeLessThanOrEqual(Math.max(count, Math.ceil(count * 1.2)));
        expect(classOf(classOf(count))).toBe(classOf(count));
      }),
    );
    expect([0, 1, 2, 3, 1_024, 1_025, 8_192, TOKENS_MAX].map(classOf)).toEqual([
      0,
      1,
      2,
      3,
      1_024,
      1_217,
      8_192,
      TOKENS_MAX,
    ]);
  });
});

describe('the learned output', () => {
  it('is at least as large as its share of the outputs, and no class larger than needed', () => {
    const outputs = fc.array(tokens, { minLength: REQUESTS_SEEN_MIN, maxLength: 400 });
    fc.assert(
      fc.property(outputs, (seen) => {
        const learned = learnedOutputTokens(sizesOf(seen))!;
        const fitting = seen.filter((output) => output <= learned).length;
        expect(fitting).toBeGreaterThanOrEqual(seen.length * OUTPUT_SHARE);
        const sorted = seen.toSorted((a, b) => a - b);
        const needed = sorted[Math.ceil(seen.length * OUTPUT_SHARE) - 1]!;
        expect(learned).toBe(classOf(needed));
      }),
    );
  });

  it('is null before enough requests were seen', () => {
    const seen = (count: number) => learnedOutputTokens([{ tokensMax: 64, requests: count }]);
    expect([seen(0), seen(REQUESTS_SEEN_MIN - 1), seen(REQUESTS_SEEN_MIN)]).toEqual([null, null, 64]);
    expect(learnedOutputTokens([])).toBeNull();
  });

  it('is no output for a model that generates none', () => {
    expect(learnedOutputTokens([{ tokensMax: 0, requests: 1_000 }])).toBe(0);
  });
});
