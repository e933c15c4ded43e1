/** Prices for tests, in picodollars for one token, page, …, as an admin would give them. */
import { METERS, type Meter } from '../../src/domain/meters.js';
import { formatUnitPrice } from '../../src/prices/price-terms.js';
import { priceFieldOf, type PriceTermsBody } from '../../src/prices/price-terms.schema.js';

export function priceTerms(picos: Partial<Record<Meter, bigint>>): PriceTermsBody {
  const priced = METERS.filter((meter) => picos[meter] !== undefined);
  return Object.fromEntries(
    priced.map((meter) => [priceFieldOf(meter), formatUnitPrice(meter, picos[meter]!)]),
  );
}
