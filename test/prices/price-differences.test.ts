import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { differencesOf } from '../../src/prices/price-differences.js';
import type { PriceTermsBody } from '../../src/prices/price-terms.schema.js';
import { aPriceTermsBody } from './price-terms-arbitrary.js';

const priced = (terms: PriceTermsBody) => ({ terms, maxInputTokens: 10, maxOutputTokens: 20 });

describe('the differences of two prices', () => {
  it('are none where they charge the same, however they are written and in whatever order of fields', () => {
    fc.assert(
      fc.property(aPriceTermsBody, (terms) => {
        expect(differencesOf(priced(terms), priced(rewritten(terms) as PriceTermsBody))).toEqual([]);
      }),
    );
  });

  it('name each field that differs with what it was and what it is', () => {
    const before = { input_usd_per_million: '1', output_usd_per_million: '2', page_usd: '3' };
    const after = { input_usd_per_million: '1.0', output_usd_per_million: '2.5', search_usd: '4' };
    const now = { terms: after, maxInputTokens: null, maxOutputTokens: 21 };
    expect(differencesOf(priced(before), now)).toEqual([
      { field: 'output_usd_per_million', before: '2', after: '2.5' },
      { field: 'search_usd', before: null, after: '4' },
      { field: 'page_usd', before: '3', after: null },
      { field: 'max_output_tokens', before: 20, after: 21 },
    ]);
  });

  it('tell variants apart by their conditions, and see another order of them', () => {
    const batch = { when: { service_tier: 'batch' }, input_usd_per_million: '1' };
    const europe = { when: { region: 'eu' }, input_usd_per_million: '2', multiplier: '1.10' };
    const changed = { ...europe, multiplier: '1.2' };
    const field = 'variants[{"region":"eu"}].multiplier';
    expect(
      differencesOf(priced({ variants: [batch, europe] }), priced({ variants: [batch, changed] })),
    ).toEqual([{ field, before: '1.1', after: '1.2' }]);
    const swapped = differencesOf(
      priced({ variants: [batch, europe] }),
      priced({ variants: [europe, batch] }),
    );
    expect(swapped.map((difference) => difference.field)).toEqual(['variants']);
  });
});

/** As the database gives it back: fields in another order, amounts with zeros at the end. */
function rewritten(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rewritten);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).toReversed();
  return Object.fromEntries(
    fields.map(([name, field]) => {
      if (!/_usd/.test(name) || typeof field !== 'string') return [name, rewritten(field)];
      const [whole, fraction = ''] = field.split('.');
      return [name, `${whole}.${fraction.replace(/0+$/, '')}0`];
    }),
  );
}
