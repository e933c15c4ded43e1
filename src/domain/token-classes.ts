/** The three classes of tokens, each with a price of its own, and the cost of a sum of usage in each of them. */
import { assert } from './errors.js';

export const TOKEN_CLASSES = ['input', 'cached_input', 'output'] as const;
export type TokenClass = (typeof TOKEN_CLASSES)[number];

/** One value for each class. */
export type ByClass<T> = Readonly<Record<TokenClass, T>>;

export type UnitPrices = ByClass<bigint>;

export type ClassCharge = {
  readonly tokenClass: TokenClass;
  /** Negative where a correction reverses usage. */
  readonly tokens: bigint;
  /** Null while the usage has no price. */
  readonly picosPerToken: bigint | null;
  readonly costPicos: bigint;
};

/** One charge for each class. They add up to the cost, because every cost is tokens × unit price. */
export function chargesByClass(usage: {
  tokens: ByClass<bigint>;
  unitPrices: UnitPrices | null;
  costPicos: bigint;
}): ClassCharge[] {
  const charges = TOKEN_CLASSES.map((tokenClass) => {
    const tokens = usage.tokens[tokenClass];
    const picosPerToken = usage.unitPrices?.[tokenClass] ?? null;
    return { tokenClass, tokens, picosPerToken, costPicos: tokens * (picosPerToken ?? 0n) };
  });
  const sum = charges.reduce((total, charge) => total + charge.costPicos, 0n);
  assert(sum === usage.costPicos, 'tokens times unit price equal the cost');
  return charges;
}
