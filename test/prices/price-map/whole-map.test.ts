/** LiteLLM's whole price map of November 2026. */
import { readMapEntry } from '../../../src/prices/price-map/map-entry.js';
import { PriceTermsBody } from '../../../src/prices/price-terms.schema.js';
import { readPriceTerms } from '../../../src/prices/price-terms.js';
import { litellmMap, STRICT } from './price-map-data.js';

const readings = Object.entries(litellmMap).map(([model, entry]) => ({
  model,
  reading: readMapEntry(model, entry, STRICT),
}));

describe('the whole price map', () => {
  it('has every entry in exactly one list, with the reason where it is not taken', () => {
    const counts: Record<string, number> = {};
    for (const { reading } of readings) {
      const kind =
        reading.kind === 'price' ? 'price' : reading.reason.replace(/another name of .*/, 'another name');
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    expect(counts).toEqual({
      price: 4447,
      'has prices of 0 for some requests, though not for all': 3,
      'has prices that Tally cannot charge': 71,
      'has a price of 0 for everything': 122,
      'has no price': 95,
      'has no prices of its own: it is another name': 98,
      'documents the map and is no model': 1,
      'has no input_cost_per_token, and a missing price is not 0 (mode chat)': 7,
      'has no input_cost_per_token and no output_cost_per_token, and a missing price is not 0 (mode chat)': 33,
      'has no input_cost_per_token and no output_cost_per_token, and a missing price is not 0 (mode responses)': 1,
    });
  });

  it('names every field that Tally cannot charge', () => {
    const fields: Record<string, number> = {};
    for (const { reading } of readings) {
      for (const field of reading.kind === 'skipped' ? reading.fields : [])
        fields[field] = (fields[field] ?? 0) + 1;
    }
    expect(fields).toEqual({
      cache_creation_input_audio_token_cost: 23,
      guardrail_cost_per_unit: 1,
      input_cost_per_pixel: 36,
      input_cost_per_text_message: 3,
      input_cost_per_video_per_second_above_15s_interval: 2,
      input_cost_per_video_per_second_above_8s_interval: 2,
      ocr_cost_per_credit: 2,
      output_cost_per_pixel: 2,
      tiered_pricing: 2,
    });
  });

  it('lets no model in free', () => {
    for (const { model, reading } of readings) {
      if (reading.kind === 'skipped') continue;
      const { prices, variants } = readPriceTerms(reading.price.terms);
      const all = [prices, ...variants.map((variant) => variant.prices)].flatMap((each) =>
        Object.values(each),
      );
      expect({ model, charged: all.some((picos) => picos > 0n) }).toEqual({ model, charged: true });
    }
  });

  it('gives only prices that an admin could post', () => {
    for (const { model, reading } of readings) {
      if (reading.kind === 'skipped') continue;
      expect({ model, issues: PriceTermsBody.safeParse(reading.price.terms).error?.issues }).toEqual({
        model,
      });
    }
  });

  it('names the fields whose prices are no whole picodollars', () => {
    const rounded = readings.flatMap(({ model, reading }) =>
      reading.kind === 'price' && reading.rounded.length > 0 ? [[model, ...reading.rounded]] : [],
    );
    expect(rounded).toHaveLength(21);
    expect(rounded).toContainEqual(['azure/gpt-realtime-whisper-2026-05-06', 'input_cost_per_second']);
    expect(rounded).toContainEqual([
      'morph/morph-dsv4flash',
      'cache_read_input_token_cost',
      'input_cost_per_token',
    ]);
  });
});
