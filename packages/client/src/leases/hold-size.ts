/** What a request holds, computed in the gateway: never less than the worst case that Tally computes. */
import type { LeaseAnswer } from '../protocol/lease.js';
import { picosFromUsd } from '../protocol/money.js';
import { ANSWERS_MAX } from '../protocol/reservation.js';
import { TOKENS_MAX } from '../protocol/usage-event.js';
import type { ReservationRequest } from '../tally-client.js';

/** One model's prices, and the token counts for a request that states none. */
export interface HoldPrices {
  readonly inputPicosPerToken: number;
  readonly outputPicosPerToken: number;
  /** For the request as such. */
  readonly requestPicos: number;
  readonly inputTokensDefault: number;
  readonly outputTokensDefault: number;
}

/** $9,000: picodollars above it are not exact in a double. */
const HOLD_PICOS_MAX = 9_000_000_000_000_000;
const TOKENS_PER_PRICE = 1_000_000n;

/** The hold in nanodollars, rounded up. Null where Tally must decide: it is too large to be computed exactly here, or a count is wrong. */
export function holdNanos(
  prices: HoldPrices,
  request: Omit<ReservationRequest, 'project' | 'model'>,
): number | null {
  const { inputTokens, inputBytes = Infinity, maxOutputTokens, inputCount, outputCount } = request;
  const picos =
    (inputTokens ?? Math.min(inputBytes, ofEach(prices.inputTokensDefault, inputCount))) *
      prices.inputPicosPerToken +
    (maxOutputTokens ?? ofEach(prices.outputTokensDefault, outputCount)) * prices.outputPicosPerToken +
    prices.requestPicos;
  if (!(picos >= 0 && picos <= HOLD_PICOS_MAX)) return null;
  const rest = picos % 1_000;
  return (picos - rest) / 1_000 + (rest > 0 ? 1 : 0);
}

/** As Tally does: no event has more tokens of a kind than `TOKENS_MAX`. Not a number for a count that Tally refuses or reads as none. */
function ofEach(tokens: number, count = 1): number {
  if (count === 1) return tokens;
  return isCount(count) ? Math.min(tokens * count, TOKENS_MAX) : NaN;
}

function isCount(count: number): boolean {
  return Number.isInteger(count) && count >= 1 && count <= ANSWERS_MAX;
}

/** By model. */
export function holdPricesOf({ prices }: Pick<LeaseAnswer, 'prices'>): ReadonlyMap<string, HoldPrices> {
  return new Map(
    prices.map((price) => [
      price.model,
      {
        inputPicosPerToken: picosPerToken(price.input_usd_per_million),
        outputPicosPerToken: picosPerToken(price.output_usd_per_million),
        requestPicos: picosOf(price.request_usd ?? '0'),
        inputTokensDefault: price.input_tokens_default,
        outputTokensDefault: price.output_tokens_default,
      },
    ]),
  );
}

/** Exact below 2^53. A larger one makes every hold too large to be computed here. */
function picosOf(usd: string): number {
  const exact = picosFromUsd(usd);
  return Number(exact);
}

/** As exact as `picosOf`. */
function picosPerToken(usdPerMillion: string): number {
  const exact = picosFromUsd(usdPerMillion) / TOKENS_PER_PRICE;
  return Number(exact);
}
