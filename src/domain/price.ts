/** Rating: tokens × the price version in force = cost, in picodollars and never rounded. */
import type { EntityName } from './ids.js';
import type { TokenCounts } from './usage.js';

export type Price = {
  /** Identifies the version that rated an event. 0 means "no price yet" and never appears here. */
  readonly id: bigint;
  readonly model: string;
  /** The entity that this price was agreed with, or null for the list price. */
  readonly entity: EntityName | null;
  readonly effectiveFrom: Date;
  readonly inputPicosPerToken: bigint;
  /** Null charges cached input like input. */
  readonly cachedInputPicosPerToken: bigint | null;
  readonly outputPicosPerToken: bigint;
  readonly maxInputTokens: number;
  readonly maxOutputTokens: number;
};

/** Who uses a model, and when. */
export type PriceUse = { readonly model: string; readonly entity: EntityName; readonly at: Date };

/** The price id of usage that is kept but not charged yet. */
export const UNPRICED = 0n;

export function rate(tokens: TokenCounts, price: Price): bigint {
  return (
    BigInt(tokens.inputTokens) * price.inputPicosPerToken +
    BigInt(tokens.cachedInputTokens) * cachedInputPicosPerToken(price) +
    BigInt(tokens.outputTokens) * price.outputPicosPerToken
  );
}

function cachedInputPicosPerToken(
  price: Pick<Price, 'inputPicosPerToken' | 'cachedInputPicosPerToken'>,
): bigint {
  return price.cachedInputPicosPerToken ?? price.inputPicosPerToken;
}

/** The most that a request can cost: all input at the higher of its two prices, and all the output that is allowed. */
export function worstCasePicos(
  price: Price,
  request: { inputTokens?: number | null; maxOutputTokens?: number | null },
): bigint {
  const input = BigInt(request.inputTokens ?? price.maxInputTokens);
  const output = BigInt(request.maxOutputTokens ?? price.maxOutputTokens);
  return input * dearestInputPicosPerToken(price) + output * price.outputPicosPerToken;
}

export function dearestInputPicosPerToken(price: Price): bigint {
  const cached = cachedInputPicosPerToken(price);
  return cached > price.inputPicosPerToken ? cached : price.inputPicosPerToken;
}

/** The version in force at a time: the entity's own if it has one by then, otherwise the list price. */
export function priceInForce(prices: readonly Price[], use: PriceUse): Price | null {
  let best: Price | null = null;
  for (const price of prices) {
    if (price.model !== use.model || price.effectiveFrom > use.at) continue;
    if (price.entity !== null && price.entity !== use.entity) continue;
    if (best === null || isPreferred(price, best)) best = price;
  }
  return best;
}

function isPreferred(candidate: Price, current: Price): boolean {
  if ((candidate.entity === null) !== (current.entity === null)) return candidate.entity !== null;
  return candidate.effectiveFrom > current.effectiveFrom;
}
