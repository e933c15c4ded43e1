/** What a price must be beyond its form: it charges something, and no reservation has to look at too many circumstances. */
import { TallyError } from '../domain/errors.js';
import { METERS } from '../domain/meters.js';
import type { PriceTerms } from '../domain/price.js';
import { combinationCount, COMBINATIONS_MAX } from '../domain/worst-case.js';
import { freeCombination } from './free-combinations.js';
import type { PriceTermsBody } from './price-terms.schema.js';
import { readPriceTerms } from './price-terms.js';

/** `terms` passed their schema. Throws where nothing could be charged, or nothing could be held. */
export function requireChargeable(terms: PriceTermsBody, { allowFree }: { allowFree: boolean }): void {
  const read = readPriceTerms(terms);
  const problem = isUnpriced(read)
    ? 'must have the price of a meter, such as input_usd_per_million'
    : !allowFree && isFree(read)
      ? 'must have a price above 0; ?allow_free=true allows a model that is free'
      : null;
  if (problem !== null) throw new TallyError('invalid_request', `body: ${problem}`, { param: 'body' });
  const free = allowFree || isFree(read) ? null : freeCombination(read);
  if (free !== null) {
    const param = free.length === 0 ? 'body' : 'variants';
    const where = free.length === 0 ? param : free.map((index) => `variants.${index}`).join(' and ');
    const message = `${where}: must leave no request free; ?allow_free=true allows it`;
    throw new TallyError('invalid_request', message, { param });
  }
  if (hasTooManyCombinations(read)) {
    throw new TallyError('invalid_request', `variants: ${TOO_MANY_COMBINATIONS}`, { param: 'variants' });
  }
}

export const TOO_MANY_COMBINATIONS = `must have at most ${COMBINATIONS_MAX} combinations of tiers, regions and attributes`;

export function hasTooManyCombinations(terms: PriceTerms): boolean {
  return combinationCount(terms) > COMBINATIONS_MAX;
}

/** No variant prices anything, nor does the base. A multiplier alone has nothing to multiply. */
export function isUnpriced(terms: PriceTerms): boolean {
  return pricesOf(terms).length === 0;
}

/** It has prices, and charges nothing under any circumstances. */
export function isFree(terms: PriceTerms): boolean {
  const prices = pricesOf(terms);
  return prices.length > 0 && prices.every((picos) => picos === 0n);
}

function pricesOf({ prices, variants }: PriceTerms): bigint[] {
  return [prices, ...variants.map((variant) => variant.prices)].flatMap((each) =>
    METERS.flatMap((meter) => each[meter] ?? []),
  );
}
