/** The largest prompt and answer of a model: what is held for a request that does not say its own. */
import type { PriceRow } from './price-row.js';

type Maximums = Pick<PriceRow, 'maxInputTokens' | 'maxOutputTokens'>;

/** For a model whose price states no maximum of its own. */
const MAX_INPUT_TOKENS_DEFAULT = 131_072;
const MAX_OUTPUT_TOKENS_DEFAULT = 8_192;

/** Where a new version states no maximum, the current version's maximum stays. */
export function maximumsOf(
  { maxInputTokens, maxOutputTokens }: { [M in keyof Maximums]: Maximums[M] | null },
  current: PriceRow | undefined,
): Maximums {
  return {
    maxInputTokens: maxInputTokens ?? current?.maxInputTokens ?? MAX_INPUT_TOKENS_DEFAULT,
    maxOutputTokens: maxOutputTokens ?? current?.maxOutputTokens ?? MAX_OUTPUT_TOKENS_DEFAULT,
  };
}
