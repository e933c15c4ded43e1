/** What bounds a price with too many variants to look at every set of circumstances. */
import type { Meter } from './meters.js';
import type { Circumstances, PriceTerms } from './price.js';

/**
 * Terms without conditions that no request of the tier and the region exceeds, whatever its size, its time and its attributes: each
 * meter at the dearest price that any variant names, and all multipliers that raise a price.
 */
export function boundingTerms(
  { prices, variants }: PriceTerms,
  { serviceTier, region }: Pick<Circumstances, 'serviceTier' | 'region'>,
): PriceTerms {
  const possible = variants.filter(
    ({ when }) =>
      (when.serviceTier === undefined || when.serviceTier === serviceTier) &&
      (when.region === undefined || when.region === region),
  );
  const dearest: { [M in Meter]?: bigint } = { ...prices };
  for (const variant of possible) {
    for (const meter of Object.keys(variant.prices) as Meter[]) {
      const picos = variant.prices[meter]!;
      const most = dearest[meter];
      if (most === undefined || picos > most) dearest[meter] = picos;
    }
  }
  const raising = possible.filter(
    ({ multiplier }) => multiplier !== null && multiplier.numerator > multiplier.denominator,
  );
  return {
    prices: dearest,
    variants: raising.map(({ multiplier }) => ({ when: {}, prices: {}, multiplier })),
  };
}
