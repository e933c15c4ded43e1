import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { costOf, resolve, unitPricesUnder, unpricedMeters } from '../../src/domain/price.js';
import { promptTokensOf } from '../../src/domain/meters.js';
import { freeCombination } from '../../src/prices/free-combinations.js';
import { readPriceTerms } from '../../src/prices/price-terms.js';
import { PriceTermsBody } from '../../src/prices/price-terms.schema.js';
import { anApp, type TestApp } from '../support/app.js';
import { attributes, instant, priceTerms, quantities, region, TIERS } from '../support/random-prices.js';

const USUAL = { input_usd_per_million: '1', output_usd_per_million: '2' };
const FREE = { input_usd_per_million: '0', output_usd_per_million: '0' };

const REFUSED: Readonly<Record<string, object>> = {
  'a variant of every prompt': { ...USUAL, variants: [{ when: { prompt_tokens_above: 0 }, ...FREE }] },
  'a variant of long prompts': { ...USUAL, variants: [{ when: { prompt_tokens_above: 1_000 }, ...FREE }] },
  'a variant of every weekday': {
    ...USUAL,
    variants: [{ when: { weekdays: [1, 2, 3, 4, 5, 6, 7] }, ...FREE }],
  },
  'a variant of the whole day': { ...USUAL, variants: [{ when: { utc: '00:00-24:00' }, ...FREE }] },
  'a variant of one minute of one day': {
    ...USUAL,
    variants: [{ when: { utc: '23:58-23:59', weekdays: [7] }, ...FREE }],
  },
  'a tier': { ...USUAL, variants: [{ when: { service_tier: 'flex' }, ...FREE }] },
  'a region': { ...USUAL, variants: [{ when: { region: 'eu' }, ...FREE }] },
  'an attribute': { ...USUAL, variants: [{ when: { attributes: { speed: 'slow' } }, ...FREE }] },
  'the prompt alone': { ...USUAL, variants: [{ when: { region: 'eu' }, input_usd_per_million: '0' }] },
  'two variants, each of which makes one half free': {
    input_usd_per_million: '1',
    cached_input_usd_per_million: '0.5',
    variants: [
      { when: { region: 'eu', service_tier: 'flex' }, input_usd_per_million: '0' },
      { when: { region: 'eu' }, cached_input_usd_per_million: '0' },
    ],
  },
  'a multiplier that rounds to nothing': {
    input_usd_per_million: '0.000001',
    variants: [{ when: { service_tier: 'batch' }, multiplier: '0.5' }],
  },
  'multipliers that round to nothing together': {
    input_usd_per_million: '0.000001',
    variants: [
      { when: { service_tier: 'batch' }, multiplier: '0.7' },
      { when: { region: 'eu' }, multiplier: '0.7' },
    ],
  },
  'a price for requests that a variant takes away': {
    request_usd: '0.01',
    variants: [{ when: { region: 'eu' }, request_usd: '0' }],
  },
  'answers to prompts that are free': {
    input_usd_per_million: '0',
    cached_input_usd_per_million: '0.1',
    output_usd_per_million: '1',
    variants: [{ when: { service_tier: 'flex' }, output_usd_per_million: '0' }],
  },
  'what the base has no price for': {
    ...USUAL,
    variants: [{ when: { attributes: { quality: 'low' } }, image_usd: '0' }],
  },
  'a base that charges searches alone': { ...FREE, search_usd: '0.01' },
};

const TAKEN: Readonly<Record<string, object>> = {
  'free output, as of embeddings': { input_usd_per_million: '1', output_usd_per_million: '0' },
  'a free tier under a price for each request': {
    ...USUAL,
    request_usd: '0.01',
    variants: [{ when: { service_tier: 'flex' }, ...FREE }],
  },
  'a free variant that another one always beats': {
    ...USUAL,
    variants: [
      { when: { prompt_tokens_above: 100 }, input_usd_per_million: '0' },
      { when: { prompt_tokens_above: 100 }, input_usd_per_million: '0.5' },
    ],
  },
  'free answers to prompts that are charged': {
    ...USUAL,
    variants: [{ when: { service_tier: 'flex' }, output_usd_per_million: '0' }],
  },
  'free reads of a cache': {
    ...USUAL,
    variants: [{ when: { region: 'eu' }, cached_input_usd_per_million: '0' }],
  },
  'free searches': {
    ...USUAL,
    search_usd: '0.01',
    variants: [{ when: { attributes: { search_context_size: 'low' } }, search_usd: '0' }],
  },
};

describe('a price', () => {
  let app: TestApp;
  beforeAll(async () => (app = await anApp()));
  afterAll(() => app.close());
  const post = (terms: object, query = '') =>
    app.call(`POST /v1/admin/prices${query}`, { body: { model: 'm', ...terms } });

  it.each(Object.keys(REFUSED))('that leaves some request free is refused: %s', async (name) => {
    const { status, body } = await post(REFUSED[name]!);
    expect([status, body.error?.message]).toEqual([400, expect.stringContaining('?allow_free=true')]);
    expect((await app.call('GET /v1/admin/prices?model=m')).body.data).toEqual([]);
    expect((await post(REFUSED[name]!, '?allow_free=true&dry_run=true')).status).toBe(201);
  });

  it.each(Object.keys(TAKEN))('that charges every request is taken: %s', async (name) => {
    expect((await post(TAKEN[name]!, '?dry_run=true')).status).toBe(201);
  });

  it('of a map that leaves some request free is skipped', async () => {
    const usual = { mode: 'chat', input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 };
    const map = {
      'long/free': {
        ...usual,
        input_cost_per_token_above_128k_tokens: 0,
        output_cost_per_token_above_128k_tokens: 0,
      },
      'batch/free': { ...usual, input_cost_per_token_batches: 0, output_cost_per_token_batches: 0 },
      'flex/free': { ...usual, input_cost_per_token_flex: 0, output_cost_per_token_flex: 0 },
      usual,
    };
    const imported = async (query: string) =>
      (await app.call(`POST /v1/admin/prices/import?dry_run=true${query}`, { body: map })).body;
    const strict = await imported('');
    expect(strict.changes.map(({ model }: { model: string }) => model)).toEqual(['usual']);
    expect(
      strict.skipped.map((entry: { model: string; reason: string }) => [entry.model, entry.reason]),
    ).toEqual(
      ['long/free', 'batch/free', 'flex/free'].map((model) => [
        model,
        'has prices of 0 for some requests, though not for all',
      ]),
    );
    expect((await imported('&allow_free=true')).changes).toHaveLength(4);
  });
});

describe('any price without a free combination', () => {
  it('charges every request of what its base charges, whatever the circumstances', () => {
    const place = fc.record({
      serviceTier: fc.constantFrom(...TIERS),
      region,
      attributes: fc.option(attributes, { nil: null }),
      at: instant,
    });
    fc.assert(
      fc.property(priceTerms, place, quantities, (terms, others, used) => {
        const base = unitPricesUnder(terms, []);
        const isCharged = (meter: string) => (base[meter as keyof typeof base] ?? 0n) > 0n;
        const alone = Object.fromEntries(
          Object.entries(used).filter(
            ([meter]) => isCharged(meter) && !/^(cache|reasoning|search|output)/.test(meter),
          ),
        );
        fc.pre(Object.keys(alone).length > 0 && freeCombination(terms) === null);
        const { unitPrices } = resolve(terms, { promptTokens: promptTokensOf(alone), ...others });
        expect(unpricedMeters(alone, unitPrices)).toEqual([]);
        expect(costOf(alone, unitPrices) > 0n).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('charges every prompt with its answer, where the base charges one of them', () => {
    fc.assert(
      fc.property(
        priceTerms,
        fc.constantFrom(...TIERS),
        region,
        attributes,
        instant,
        fc.nat(2_000),
        (...drawn) => {
          const [terms, serviceTier, place, named, at, input] = drawn;
          const used = { input: input + 1, output: 7 };
          const base = unitPricesUnder(terms, []);
          const circumstances = {
            promptTokens: used.input,
            serviceTier,
            region: place,
            attributes: named,
            at,
          };
          const { unitPrices } = resolve(terms, circumstances);
          fc.pre(costOf(used, base) > 0n && unpricedMeters(used, unitPrices).length === 0);
          fc.pre(freeCombination(terms) === null);
          expect(costOf(used, unitPrices) > 0n).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('names variants under which a meter is free that is not in the base', () => {
    fc.assert(
      fc.property(priceTerms, (terms) => {
        // Two never have more circumstances than are looked at; beyond that the answer names all that lower a price.
        fc.pre(terms.variants.length <= 2);
        const free = freeCombination(terms);
        fc.pre(free !== null && free.length > 0);
        const [base, under] = [unitPricesUnder(terms, []), unitPricesUnder(terms, free)];
        expect((under.request ?? 0n) > 0n).toBe(false);
        expect(
          Object.entries(under).some(([meter, picos]) => picos === 0n && base[meter as 'input'] !== 0n),
        ).toBe(true);
      }),
    );
  });

  it('is found in bounded time among as many variants as a price may have', () => {
    const variants = Array.from({ length: 200 }, (_, index) => ({
      when: {
        attributes: Object.fromEntries([0, 1, 2].map((each) => [`a${(index + each) % 16}`, `${index}`])),
      },
      image_usd: '1',
    }));
    const last = { when: { attributes: { a1: 'x', a2: 'y' } }, image_usd: '0' };
    const termsOf = (all: object[]) =>
      readPriceTerms(PriceTermsBody.parse({ image_usd: '2', variants: all }));
    expect(freeCombination(termsOf(variants))).toBeNull();
    expect(freeCombination(termsOf([...variants.slice(1), last]))).toEqual([199]);
  });
});
