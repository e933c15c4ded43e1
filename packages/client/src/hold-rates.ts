/** What a request holds, computed where it is asked: the same worst case that Tally computes. */
import type { LeaseAnswer } from './protocol/lease.js';
import { picosFromUsd } from './protocol/money.js';

export interface HoldRates {
  readonly inputPicosPerToken: number;
  readonly outputPicosPerToken: number;
  readonly inputTokensDefault: number;
  readonly outputTokensDefault: number;
}

/** Above it picodollars are not exact in a double: $9,000. */
const HOLD_PICOS_MAX = 9_000_000_000_000_000;
const TOKENS_PER_PRICE = 1_000_000n;

/** In nanodollars, rounded up; null where it is too large to be computed here. */
export function holdNanos(
  rates: HoldRates,
  { inputTokens, maxOutputTokens }: { inputTokens?: number; maxOutputTokens?: number },
): number | null {
  const picos =
    (inputTokens ?? rates.inputTokensDefault) * rates.inputPicosPerToken +
    (maxOutputTokens ?? rates.outputTokensDefault) * rates.outputPicosPerToken;
  if (!(picos >= 0 && picos <= HOLD_PICOS_MAX)) return null;
  const rest = picos % 1_000;
  return (picos - rest) / 1_000 + (rest > 0 ? 1 : 0);
}

/** By model. */
export function ratesIn({ prices }: Pick<LeaseAnswer, 'prices'>): ReadonlyMap<string, HoldRates> {
  return new Map(
    prices.map((price) => [
      price.model,
      {
        inputPicosPerToken: perToken(price.input_usd_per_million),
        outputPicosPerToken: perToken(price.output_usd_per_million),
        inputTokensDefault: price.input_tokens_default,
        outputTokensDefault: price.output_tokens_default,
      },
    ]),
  );
}

/** Exact: Tally believes no price above $10,000 per million tokens, 10^10 picodollars per token. */
function perToken(usdPerMillion: string): number {
  const perToken = picosFromUsd(usdPerMillion) / TOKENS_PER_PRICE;
  return Number(perToken);
}
