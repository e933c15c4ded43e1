/** Prices that an admin may post, with few enough combinations. */
import fc from 'fast-check';
import { isPricedByMillion, METERS } from '../../src/domain/meters.js';
import { priceFieldOf, type PriceTermsBody } from '../../src/prices/price-terms.schema.js';

/** With zeros at the end, as people write them. */
const decimal = (decimalsMax: number) =>
  fc
    .tuple(
      fc.nat(9_999),
      fc.string({ unit: fc.integer({ min: 0, max: 9 }).map(String), maxLength: decimalsMax }),
    )
    .map(([whole, fraction]) => (fraction === '' ? String(whole) : `${whole}.${fraction}`));

const prices = fc
  .record(
    Object.fromEntries(
      METERS.map((meter) => [
        priceFieldOf(meter),
        fc.option(decimal(isPricedByMillion(meter) ? 6 : 12), { nil: null, freq: 8 }),
      ]),
    ),
    { requiredKeys: [] },
  )
  .filter((fields) => Object.values(fields).some((usd) => usd !== null));

const word = fc.string({
  unit: fc.constantFrom('a', 'B', 'c', 'é', '-', '_', '1', '"'),
  minLength: 1,
  maxLength: 8,
});

const conditions = fc
  .record(
    {
      prompt_tokens_above: fc.nat(2 ** 31 - 1),
      service_tier: fc.constantFrom('batch', 'flex', 'priority'),
      region: word,
      utc: fc.oneof(fc.constant('16:30-00:30'), fc.constant(['00:00-01:00', '02:00-03:00'])),
      weekdays: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
      attributes: fc.dictionary(fc.constantFrom('size', 'quality'), word, {
        minKeys: 1,
        maxKeys: 2,
        noNullPrototype: true,
      }),
    },
    { requiredKeys: [] },
  )
  .filter((when) => Object.keys(when).length > 0);

const variant = fc
  .tuple(conditions, prices, fc.option(fc.constantFrom('1.10', '0.5', '2'), { nil: undefined }))
  .map(([when, fields, multiplier]) => ({
    when,
    ...fields,
    ...(multiplier !== undefined && { multiplier }),
  }));

export const aPriceTermsBody: fc.Arbitrary<PriceTermsBody> = fc
  .tuple(prices, fc.option(fc.array(variant, { maxLength: 4 }), { nil: undefined }))
  .map(
    ([fields, variants]) => ({ ...fields, ...(variants !== undefined && { variants }) }) as PriceTermsBody,
  );
