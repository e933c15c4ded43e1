/** Splits an amount without losing a unit. */
import { assert } from '../domain/errors.js';

/**
 * In proportion to the weights, by the method of largest remainders: each share is rounded down, and the units that are left go, one
 * each, to the shares that lost most by rounding, the earlier first. The shares add up to the amount. If the amount is at most the sum
 * of the weights, no share is larger than its weight.
 */
export function allot(amount: bigint, weights: readonly bigint[]): bigint[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0n);
  assert(weights.every((weight) => weight >= 0n) && total > 0n, 'weights are not negative and not all zero');
  const magnitude = amount < 0n ? -amount : amount;
  const shares = weights.map((weight) => (magnitude * weight) / total);
  const lost = weights.map((weight, index) => ({ index, remainder: (magnitude * weight) % total }));
  lost.sort((a, b) => (a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1));
  let left = magnitude - shares.reduce((sum, share) => sum + share, 0n);
  for (const { index } of lost) {
    if (left === 0n) break;
    shares[index]! += 1n;
    left -= 1n;
  }
  return amount < 0n ? shares.map((share) => -share) : shares;
}
