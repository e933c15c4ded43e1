/** The model's price versions: what an event costs by one, and the most that a request may cost. */
import type { Order } from './decisions.js';
import type { Facts } from './facts.js';

/** No event has more tokens of a kind. */
export const TOKENS_MAX = 2 ** 31 - 1;

export type PriceVersion = {
  readonly id: string;
  readonly model: string;
  readonly entity: string | null;
  readonly fromMs: number;
  readonly input: bigint;
  readonly cached: bigint | null;
  readonly output: bigint;
  readonly written: bigint | null;
  /** Of a web search; where it is null, searches wait. */
  readonly search: bigint | null;
  /** What the tier `batch` pays for input and output. */
  readonly batch: { readonly input: bigint; readonly output: bigint } | null;
  /** What input costs in requests with more prompt tokens. */
  readonly large: { readonly above: number; readonly input: bigint } | null;
  /** The tier `flex` pays half of everything. */
  readonly flex: boolean;
  /** The most tokens that one input may have. */
  readonly maxInput: number;
};

/** Searches that the price does not know cost nothing yet. */
export function costOf(facts: Facts, price: PriceVersion): bigint {
  const { input, cached, written, output, searches, tier } = facts;
  const isLarge = price.large !== null && input + cached + written > price.large.above;
  const batch = tier === 'batch' ? price.batch : null;
  // A size goes before a tier.
  const ofInput = isLarge ? price.large.input : (batch?.input ?? price.input);
  const paid = (picos: bigint) => halved(picos, facts, price);
  return (
    BigInt(input) * paid(ofInput) +
    BigInt(cached) * paid(price.cached ?? ofInput) +
    BigInt(written) * paid(price.written ?? ofInput) +
    BigInt(output) * paid(batch?.output ?? price.output) +
    BigInt(searches) * (searchPrice(facts, price) ?? 0n)
  );
}

export function searchPrice(facts: Facts, price: PriceVersion): bigint | null {
  return price.search === null ? null : halved(price.search, facts, price);
}

/** To the even picodollar where half of one is left. */
function halved(picos: bigint, { tier }: Facts, price: PriceVersion): bigint {
  if (tier !== 'flex' || !price.flex) return picos;
  const half = picos / 2n;
  return picos % 2n === 1n && half % 2n === 1n ? half + 1n : half;
}

/** No request that is as its order says costs more. Its tier is the default, and any part of the prompt may be cached or written. */
export function worstCase(price: PriceVersion, order: Order): bigint {
  const dearest = (ofInput: bigint) => max(ofInput, max(price.cached ?? ofInput, price.written ?? ofInput));
  const cost = (tokens: number, ofInput: bigint) =>
    BigInt(tokens) * dearest(ofInput) + BigInt(order.output) * price.output;
  const most = mostInput(price, order);
  const { large } = price;
  if (large === null || most <= large.above) return cost(most, price.input);
  const ofLarge = cost(most, large.input);
  // A prompt that is not large may cost more, where the order does not say how many tokens it has.
  return order.input === null ? max(ofLarge, cost(large.above, price.input)) : ofLarge;
}

/** The most input tokens that the order allows: each of several inputs may be as large as the model takes. */
export function mostInput({ maxInput }: PriceVersion, { input, bytes, inputs }: Order): number {
  return input ?? Math.min(bytes ?? Infinity, maxInput * inputs, TOKENS_MAX);
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
