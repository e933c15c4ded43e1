/** What an entry of the price map charges, and why one is not taken. */
import { readMapEntry } from '../../../src/prices/price-map/map-entry.js';
import { litellmMap, priceEntries, priceOf, resolved, STRICT, type Use } from './price-map-data.js';

const CHAT = { mode: 'chat', input_cost_per_token: 1e-6, output_cost_per_token: 4e-6 };
const LOSSY = { allowLossy: true, allowFree: false };

function reasonOf(entry: unknown, options = STRICT, model = 'm'): string {
  const reading = readMapEntry(model, entry, options);
  return reading.kind === 'skipped' ? reading.reason : 'taken';
}

/** Picodollars for one, in these circumstances. */
function priced(entry: Record<string, unknown>, meter: string, use: Partial<Use> = {}): bigint | undefined {
  const { unitPrices } = resolved(priceOf('m', entry), { quantities: { input: 1 }, ...use });
  return (unitPrices as Record<string, bigint>)[meter];
}

describe('an entry of the price map', () => {
  it('is a price as an admin would post it', () => {
    expect(
      priceOf('m', {
        ...CHAT,
        cache_read_input_token_cost: 1e-7,
        input_cost_per_token_batches: 5e-7,
        max_tokens: 8192,
      }),
    ).toEqual({
      kind: 'price',
      price: {
        model: 'm',
        terms: {
          input_usd_per_million: '1',
          cached_input_usd_per_million: '0.1',
          output_usd_per_million: '4',
          variants: [{ when: { service_tier: 'batch' }, input_usd_per_million: '0.5' }],
        },
        maxInputTokens: null,
        maxOutputTokens: 8192,
      },
      rounded: [],
      ignored: [],
    });
  });

  it('says the same whatever the order of its fields', () => {
    const entry = litellmMap['gpt-6-astra']!;
    const turned = Object.fromEntries(Object.entries(entry).reverse());
    expect(priceOf('m', turned)).toEqual(priceOf('m', entry));
  });

  it('with a size goes before a tier without one, and a tier with the size before both', () => {
    const entry = {
      ...CHAT,
      input_cost_per_token_above_200k_tokens: 2e-6,
      input_cost_per_token_priority: 3e-6,
    };
    const large = { quantities: { input: 200_001 } };
    expect(priced(entry, 'input', { serviceTier: 'priority' })).toBe(3_000_000n);
    expect(priced(entry, 'input', { ...large, serviceTier: 'priority' })).toBe(2_000_000n);
    expect(priced(entry, 'input', { quantities: { input: 200_000 } })).toBe(1_000_000n);
    const both = { ...entry, input_cost_per_token_priority_above_200k_tokens: 5e-6 };
    expect(priced(both, 'input', { ...large, serviceTier: 'priority' })).toBe(5_000_000n);
  });

  it('charges a tier that leaves a field out the standard price of it', () => {
    expect(priced({ ...CHAT, input_cost_per_token_flex: 5e-7 }, 'output', { serviceTier: 'flex' })).toBe(
      4_000_000n,
    );
  });

  it('keeps a tier that costs what the standard costs: it is known', () => {
    expect(priceOf('m', { ...CHAT, input_cost_per_token_flex: 1e-6 }).price.terms.variants).toHaveLength(1);
  });

  it('charges thinking as output in a tier that has a price of output alone', () => {
    const entry = { ...CHAT, output_cost_per_reasoning_token: 4e-6, output_cost_per_token_priority: 8e-6 };
    expect(priced(entry, 'reasoning', { serviceTier: 'priority' })).toBe(8_000_000n);
    expect(priced(entry, 'reasoning')).toBe(4_000_000n);
  });

  it('charges searches at medium where nobody says how much was read', () => {
    const sizes = {
      search_context_size_low: 0.03,
      search_context_size_medium: 0.035,
      search_context_size_high: 0.05,
    };
    const entry = { ...CHAT, search_context_cost_per_query: sizes };
    expect(priced(entry, 'search')).toBe(35_000_000_000n);
    expect(priced(entry, 'search', { attributes: { search_context_size: 'high' } })).toBe(50_000_000_000n);
    expect(priced(entry, 'search', { attributes: { search_context_size: 'low' } })).toBe(30_000_000_000n);
  });

  it('takes one range of tiered_pricing for the whole request, and the last above all of them', () => {
    const tiered_pricing = [
      {
        range: [0, 32_000.0],
        input_cost_per_token: 1e-6,
        output_cost_per_token: 2e-6,
        cache_read_input_token_cost: 1e-7,
      },
      { range: [32_000.0, 128_000.0], input_cost_per_token: 3e-6, output_cost_per_token: 4e-6 },
    ];
    const entry = { mode: 'chat', tiered_pricing };
    const at = (input: number) => ({ quantities: { input } });
    expect([32_000, 32_001, 128_000, 900_000].map((input) => priced(entry, 'output', at(input)))).toEqual([
      2_000_000n,
      4_000_000n,
      4_000_000n,
      4_000_000n,
    ]);
    // Nothing of one range is charged beside another: the second one has no price of cached input.
    expect([32_000, 32_001].map((input) => priced(entry, 'cached_input', at(input)))).toEqual([
      100_000n,
      3_000_000n,
    ]);
  });

  it.each([
    ['a gap', [{ range: [0, 10] }, { range: [20, 30] }]],
    ['no beginning', [{ range: [10, 20] }]],
    ['no ranges of tokens', [{ max_results_range: [0, 10], input_cost_per_query: 1 }]],
  ])('does not guess at tiered_pricing with %s', (_, tiers) => {
    const tiered_pricing = tiers.map((tier) => ({
      input_cost_per_token: 1e-6,
      output_cost_per_token: 1e-6,
      ...tier,
    }));
    expect(readMapEntry('m', { ...CHAT, tiered_pricing }, STRICT)).toMatchObject({
      fields: ['tiered_pricing'],
    });
  });

  it('charges off-peak prices at their hours and days, above sizes and tiers too', () => {
    const entry = {
      ...CHAT,
      input_cost_per_token_above_200k_tokens: 2e-6,
      input_cost_per_token_flex: 9e-7,
      off_peak_pricing: { input_cost_per_token: 5e-7, hours_utc: '16:30-00:30' },
    };
    const use = { quantities: { input: 300_000 }, serviceTier: 'flex' };
    expect(priced(entry, 'input', { ...use, at: '2026-11-20T00:29:59Z' })).toBe(500_000n);
    expect(priced(entry, 'input', { ...use, at: '2026-11-20T00:30:00Z' })).toBe(2_000_000n);
    expect(priced(entry, 'output', { at: '2026-11-20T00:00:00Z' })).toBe(4_000_000n);
  });

  it('reads the weekdays of another calendar as those of UTC', () => {
    const windows = [{ hours_utc: '00:00-00:00', weekdays: ['Sat', 'sunday'] }];
    const block = { input_cost_per_token: 5e-7, windows, weekday_timezone: 'Asia/Shanghai' };
    const at = (time: string) => priced({ ...CHAT, off_peak_pricing: block }, 'input', { at: time });
    // Saturday begins in Shanghai at 16:00 UTC of Friday, 20 November 2026, and Monday at 16:00 UTC of Sunday.
    expect(at('2026-11-20T15:59:59Z')).toBe(1_000_000n);
    expect(at('2026-11-20T16:00:00Z')).toBe(500_000n);
    expect(at('2026-11-22T15:59:59Z')).toBe(500_000n);
    expect(at('2026-11-22T16:00:00Z')).toBe(1_000_000n);
    const moving = { ...block, weekday_timezone: 'Europe/Berlin' };
    expect(readMapEntry('m', { ...CHAT, off_peak_pricing: moving }, STRICT)).toMatchObject({
      fields: ['off_peak_pricing'],
    });
  });

  it('multiplies by region', () => {
    const entry = priceEntries.entries['gpt-6-sol']!;
    for (const region of ['eu', 'us', 'fedramp']) expect(priced(entry, 'input', { region })).toBe(2_200_000n);
    expect(priced(entry, 'input')).toBe(2_000_000n);
  });

  it('reads the factors of places and of speed that Anthropic has', () => {
    const entry = { ...CHAT, provider_specific_entry: { us: 1.1, fast: 2.0, realtime_ga_only: 1 } };
    expect(priced(entry, 'input', { region: 'us' })).toBe(1_100_000n);
    expect(priced(entry, 'output', { attributes: { speed: 'fast' } })).toBe(8_000_000n);
  });

  it('tells apart what one meter counts of several kinds', () => {
    const entry = {
      mode: 'embedding',
      input_cost_per_audio_per_second: 1e-4,
      input_cost_per_video_per_second: 7e-4,
    };
    expect(priced(entry, 'input_second')).toBe(100_000_000n);
    expect(priced(entry, 'input_second', { attributes: { modality: 'video' } })).toBe(700_000_000n);
    expect(priced({ mode: 'image_generation', input_cost_per_image: 0.04 }, 'image')).toBe(40_000_000_000n);
  });

  it('is skipped with the fields that Tally cannot charge, and taken without them on request', () => {
    const entry = { ...CHAT, input_cost_per_hologram: 0.5, tape_storage_price: 1, video_cost_per_frame: 0 };
    expect(readMapEntry('m', entry, STRICT)).toEqual({
      kind: 'skipped',
      reason: 'has prices that Tally cannot charge',
      fields: ['input_cost_per_hologram', 'tape_storage_price'],
    });
    expect(priceOf('m', entry, LOSSY).ignored).toEqual(['input_cost_per_hologram', 'tape_storage_price']);
  });

  it('loses nothing by a price that is charged in another meter at the same price', () => {
    expect(reasonOf({ ...CHAT, citation_cost_per_token: 1e-6 })).toBe('taken');
    expect(reasonOf({ ...CHAT, citation_cost_per_token: 2e-6 })).toContain('cannot charge');
  });

  it('does not take one of two prices of the same thing silently', () => {
    const entry = { ...CHAT, cache_read_input_token_cost: 1e-7, input_cost_per_token_cache_hit: 2e-7 };
    expect(readMapEntry('m', entry, STRICT)).toMatchObject({ fields: ['input_cost_per_token_cache_hit'] });
  });

  it.each([
    [{ ...CHAT, input_cost_per_token: -1 }, 'input_cost_per_token is no price: -1'],
    [{ ...CHAT, output_cost_per_token: 'free' }, 'output_cost_per_token is no price: "free"'],
    [{ ...CHAT, input_cost_per_token: 0.5 }, 'input_cost_per_token is no price: 0.5'],
    [
      { mode: 'chat', input_cost_per_token: 1e-6 },
      'has no output_cost_per_token, and a missing price is not 0 (mode chat)',
    ],
    [
      { ...CHAT, output_cost_per_token: null },
      'has no output_cost_per_token, and a missing price is not 0 (mode chat)',
    ],
    [
      { mode: 'rerank', input_cost_per_token: 0, output_cost_per_token: 0 },
      'has a price of 0 for everything',
    ],
    [{ mode: 'chat' }, 'has no price'],
    [{ alias_of: 'other' }, 'has no prices of its own: it is another name of other'],
    [[], 'is no object of prices'],
    [null, 'is no object of prices'],
  ])('%j is skipped: %s', (entry, reason) => {
    expect(reasonOf(entry)).toBe(reason);
  });

  it('may be free where that is asked for', () => {
    const free = { mode: 'chat', input_cost_per_token: 0, output_cost_per_token: 0 };
    expect(reasonOf(free, { allowLossy: false, allowFree: true })).toBe('taken');
  });

  it('needs no price of text output where the model has none', () => {
    const input = { input_cost_per_token: 1e-8 };
    for (const mode of ['embedding', 'rerank', 'moderation', 'image_generation']) {
      expect(reasonOf({ mode, ...input })).toBe('taken');
      expect(priced({ mode, ...input }, 'output')).toBeUndefined();
    }
    for (const mode of ['chat', 'responses', 'completion', 'next_months_mode'])
      expect(reasonOf({ mode, ...input })).not.toBe('taken');
  });

  it('has a name that can be a model, and is not the one that documents the map', () => {
    for (const name of ['', 'a\u0000', 'x'.repeat(257), '\ud800'])
      expect(reasonOf(CHAT, STRICT, name)).toContain('printable');
    expect(reasonOf(CHAT, STRICT, 'sample_spec')).toBe('documents the map and is no model');
  });

  it('is refused quickly where it is made to take long', () => {
    const fields = Object.fromEntries(
      Array.from({ length: 1_001 }, (_, index) => [`input_cost_per_${index}`, 1]),
    );
    expect(reasonOf({ ...CHAT, ...fields })).toBe('has more than 1000 fields');
    const long = { ...CHAT, [`input_cost_per_${'token_'.repeat(100_000)}`]: 1 };
    const reading = readMapEntry('m', long, STRICT);
    expect(reading).toMatchObject({ reason: 'has prices that Tally cannot charge' });
    expect(JSON.stringify(reading).length).toBeLessThan(300);
  });

  it('says which prices it rounded', () => {
    const whisper = priceEntries.entries['azure/gpt-realtime-whisper-2026-05-06'];
    expect(priceOf('m', whisper).rounded).toEqual(['input_cost_per_second']);
  });
});
