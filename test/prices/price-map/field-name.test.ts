/** The grammar of LiteLLM's price fields. */
import { readFieldName, speaksOfMoney } from '../../../src/prices/price-map/field-name.js';

function read(name: string): [string, object] | null {
  const found = readFieldName(name);
  return found === null ? null : [found.meter, found.when];
}

describe('names of price fields', () => {
  it.each([
    ['input_cost_per_token', 'input', {}],
    ['output_cost_per_token_batches', 'output', { service_tier: 'batch' }],
    ['input_cost_per_token_cache_hit', 'cached_input', {}],
    ['cache_read_input_token_cost_above_200k_tokens', 'cached_input', { prompt_tokens_above: 200_000 }],
    ['cache_read_input_audio_token_cost_flex', 'cached_input_audio', { service_tier: 'flex' }],
    ['cache_read_input_image_token_cost', 'cached_input_image', {}],
    ['explicit_cache_read_input_token_cost', 'cached_input', { attributes: { cache_type: 'ephemeral' } }],
    ['cache_creation_input_token_cost', 'cache_write', {}],
    ['cache_creation_input_token_cost_above_1hr', 'cache_write_1h', {}],
    ['cache_creation_input_token_cost_above_30min', 'cache_write_30m', {}],
    [
      'cache_creation_input_token_cost_above_12hr_above_272k_tokens_ultrafast',
      'cache_write_12h',
      { prompt_tokens_above: 272_000, service_tier: 'ultrafast' },
    ],
    ['output_cost_per_reasoning_token', 'reasoning', {}],
    ['input_cost_per_audio_token_above_128_tokens', 'input_audio', { prompt_tokens_above: 128 }],
    ['output_cost_per_image_token_priority', 'output_image', { service_tier: 'priority' }],
    ['output_cost_per_second_1080p', 'output_second', { attributes: { resolution: '1080p' } }],
    ['output_cost_per_image_4K', 'image', { attributes: { resolution: '4K' } }],
    ['output_cost_per_image_0.5K', 'image', { attributes: { resolution: '0.5K' } }],
    ['output_cost_per_image_1536', 'image', { attributes: { resolution: '1536' } }],
    ['output_cost_per_image_hd_1024-x-1792', 'image', { attributes: { quality: 'hd', size: '1024x1792' } }],
    [
      'output_cost_per_second_720p_batches',
      'output_second',
      { service_tier: 'batch', attributes: { resolution: '720p' } },
    ],
    ['input_cost_per_query', 'query', {}],
    ['input_cost_per_request', 'request', {}],
    ['input_cost_per_character', 'input_character', {}],
    ['google_maps_grounding_cost_per_query', 'search', { attributes: { grounding: 'google_maps' } }],
    ['ocr_cost_per_page_batches', 'page', { service_tier: 'batch' }],
    ['annotation_cost_per_page', 'page', { attributes: { annotation: 'true' } }],
    ['code_interpreter_cost_per_session', 'session', {}],
  ])('%s', (name, meter, when) => {
    expect(read(name)).toEqual([meter, when]);
  });

  it('reads a tier that nobody has heard of, with a size on either side of it', () => {
    const next = ['input', { prompt_tokens_above: 200_000, service_tier: 'hyperspeed' }];
    expect(read('input_cost_per_token_above_200k_tokens_hyperspeed')).toEqual(next);
    expect(read('input_cost_per_token_hyperspeed_above_200k_tokens')).toEqual(next);
  });

  it.each([
    'input_cost_per_pixel',
    'input_cost_per_text_message',
    'input_cost_per_video_per_second_above_15s_interval',
    'cache_creation_input_audio_token_cost',
    'cache_creation_input_token_cost_above_3hr',
    'input_cost_per_token_standard',
    'input_cost_per_token_flex_priority',
    'input_cost_per_token_above_9999999k_tokens',
    'ocr_cost_per_credit',
    'file_search_cost_per_gb_per_day',
    'cost',
    '',
  ])('%s is not of the grammar', (name) => {
    expect(readFieldName(name)).toBeNull();
  });

  it('tells money from limits, rates of sound and units of others', () => {
    for (const name of [
      'vector_store_cost_per_gb_per_day',
      'guardrail_cost_per_unit',
      'night_rate',
      'some_uplift_multiplier',
    ]) {
      expect([name, speaksOfMoney(name)]).toEqual([name, true]);
    }
    for (const name of [
      'max_tokens',
      'rate_limit_rpm',
      'sample_rate',
      'input_dbu_cost_per_token',
      'deprecation_date',
    ]) {
      expect([name, speaksOfMoney(name)]).toEqual([name, false]);
    }
  });
});
