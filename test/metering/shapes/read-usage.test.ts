import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Quantities } from '../../../src/domain/meters.js';
import { readUsage, type UsageFormat } from '../../../src/metering/shapes/read-usage.js';
import type { Usage } from '../../../src/metering/shapes/usage-fields.js';

const read = (usage: object, { operation = 'chat', format = null as UsageFormat | null } = {}) =>
  readUsage(usage as Usage, { operation, format });
const counted = (usage: object, options = {}) => {
  const reading = read(usage, options);
  if (!reading.ok) throw new Error(`${reading.field} ${reading.message}`);
  return reading.reading;
};
const refused = (usage: object, options = {}) => {
  const reading = read(usage, options);
  return reading.ok ? null : `${reading.field} ${reading.message}`;
};

type Recorded = { usage: Usage; quantities: Quantities };
const RECORDED: Recorded[] = JSON.parse(
  readFileSync(new URL('./recorded-usage.json', import.meta.url), 'utf8'),
);

describe('usage of real servers', () => {
  it.each(RECORDED.map((each) => [JSON.stringify(each.usage), each] as const))(
    'is counted as its server means it: %s',
    (_, { usage, quantities }) => {
      expect(counted(usage)).toMatchObject({ quantities, unread: [] });
      expect(counted(usage).quantities).toEqual(quantities);
    },
  );

  const chat = (more: object) => ({ prompt_tokens: 100, completion_tokens: 40, total_tokens: 140, ...more });
  it.each<[string, object, Quantities, object?]>([
    [
      'OpenAI audio',
      chat({
        prompt_tokens_details: { audio_tokens: 60, cached_tokens: 10, text_tokens: 40 },
        completion_tokens_details: { audio_tokens: 25, reasoning_tokens: 5, text_tokens: 10 },
      }),
      { input: 30, cached_input: 10, input_audio: 60, output: 10, reasoning: 5, output_audio: 25 },
    ],
    [
      'OpenAI predictions, within the output',
      chat({ completion_tokens_details: { accepted_prediction_tokens: 10, rejected_prediction_tokens: 5 } }),
      { input: 100, output: 40 },
    ],
    [
      'OpenAI images',
      {
        input_tokens: 50,
        output_tokens: 1056,
        total_tokens: 1106,
        input_tokens_details: { image_tokens: 40, text_tokens: 10 },
        output_tokens_details: { image_tokens: 1056, text_tokens: 0 },
      },
      { input: 10, input_image: 40, output_image: 1056 },
    ],
    [
      'OpenAI Realtime',
      {
        total_tokens: 253,
        input_tokens: 132,
        output_tokens: 121,
        input_token_details: {
          text_tokens: 119,
          audio_tokens: 13,
          image_tokens: 0,
          cached_tokens: 70,
          cached_tokens_details: { text_tokens: 64, audio_tokens: 6, image_tokens: 0 },
        },
        output_token_details: { text_tokens: 30, audio_tokens: 91 },
      },
      { input: 55, cached_input: 64, cached_input_audio: 6, input_audio: 7, output: 30, output_audio: 91 },
    ],
    [
      'OpenAI transcription by tokens',
      {
        type: 'tokens',
        input_tokens: 14,
        input_token_details: { text_tokens: 0, audio_tokens: 14 },
        output_tokens: 45,
        total_tokens: 59,
      },
      { input_audio: 14, output: 45 },
    ],
    ['OpenAI transcription by length', { type: 'duration', seconds: 9 }, { input_second: 9 }],
    [
      'Anthropic with both times of caching',
      {
        input_tokens: 10,
        cache_read_input_tokens: 5,
        cache_creation_input_tokens: 30,
        cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
        output_tokens: 7,
        server_tool_use: { web_search_requests: 2 },
      },
      { input: 10, cached_input: 5, cache_write: 10, cache_write_1h: 20, output: 7, search: 2 },
    ],
    ['Anthropic without caching', { input_tokens: 10, output_tokens: 7 }, { input: 10, output: 7 }],
    [
      'Anthropic with a compaction',
      {
        input_tokens: 100,
        output_tokens: 50,
        iterations: [
          { type: 'compaction', input_tokens: 1000, output_tokens: 300 },
          { type: 'message', input_tokens: 100, output_tokens: 50, cache_read_input_tokens: 4 },
        ],
      },
      { input: 1100, cached_input: 4, output: 350 },
    ],
    [
      'Anthropic with iterations and no compaction',
      {
        input_tokens: 300,
        output_tokens: 60,
        iterations: [
          { type: 'message', input_tokens: 200, output_tokens: 40 },
          { type: 'message', input_tokens: 100, output_tokens: 20 },
        ],
      },
      { input: 300, output: 60 },
    ],
    [
      'Gemini by modality, cached and with tools',
      {
        promptTokenCount: 1000,
        cachedContentTokenCount: 300,
        toolUsePromptTokenCount: 50,
        candidatesTokenCount: 20,
        thoughtsTokenCount: 5,
        totalTokenCount: 1075,
        promptTokensDetails: [
          { modality: 'TEXT', tokenCount: 400 },
          { modality: 'AUDIO', tokenCount: 300 },
          { modality: 'VIDEO', tokenCount: 200 },
          { modality: 'DOCUMENT', tokenCount: 100 },
        ],
        cacheTokensDetails: [
          { modality: 'TEXT', tokenCount: 200 },
          { modality: 'AUDIO', tokenCount: 100 },
        ],
        candidatesTokensDetails: [
          { modality: 'IMAGE', tokenCount: 8 },
          { modality: 'TEXT', tokenCount: 12 },
        ],
      },
      {
        input: 250,
        cached_input: 200,
        cached_input_audio: 100,
        input_audio: 200,
        input_video: 200,
        input_image: 100,
        output: 12,
        output_image: 8,
        reasoning: 5,
      },
    ],
    [
      'Gemini under its name',
      { usageMetadata: { promptTokenCount: 2, candidatesTokenCount: 3, totalTokenCount: 5 } },
      { input: 2, output: 3 },
    ],
    [
      "Gemini's endpoint for OpenAI's clients, by name",
      { prompt_tokens: 11, completion_tokens: 32, total_tokens: 1043 },
      { input: 11, output: 32, reasoning: 1000 },
      { format: 'gemini_openai' },
    ],
    [
      'xAI, reasoning apart',
      {
        prompt_tokens: 32,
        completion_tokens: 400,
        total_tokens: 532,
        completion_tokens_details: { reasoning_tokens: 100 },
      },
      { input: 32, output: 400, reasoning: 100 },
    ],
    [
      'xAI, reasoning a part',
      {
        prompt_tokens: 32,
        completion_tokens: 400,
        total_tokens: 432,
        completion_tokens_details: { reasoning_tokens: 100 },
      },
      { input: 32, output: 300, reasoning: 100 },
    ],
    [
      'Bedrock without a split of writes',
      { inputTokens: 1, outputTokens: 2, cacheWriteInputTokens: 3, totalTokens: 6 },
      { input: 1, cache_write: 3, output: 2 },
    ],
    [
      'Bedrock with an hour',
      {
        inputTokens: 1,
        outputTokens: 2,
        cacheReadInputTokens: 9,
        cacheWriteInputTokens: 7,
        cacheDetails: [
          { ttl: '5m', inputTokens: 3 },
          { ttl: '1h', inputTokens: 4 },
        ],
        totalTokens: 19,
      },
      { input: 1, cached_input: 9, cache_write: 3, cache_write_1h: 4, output: 2 },
    ],
    ['Mistral', chat({ num_cached_tokens: 64 }), { input: 36, cached_input: 64, output: 40 }],
    [
      'DeepSeek',
      chat({
        prompt_cache_hit_tokens: 64,
        prompt_cache_miss_tokens: 36,
        prompt_tokens_details: { cached_tokens: 64 },
      }),
      { input: 36, cached_input: 64, output: 40 },
    ],
    ['Kimi', chat({ cached_tokens: 30 }), { input: 70, cached_input: 30, output: 40 }],
    [
      'LiteLLM, which repeats what its prompt includes',
      chat({
        cache_read_input_tokens: 30,
        cache_creation_input_tokens: 20,
        prompt_tokens_details: { cached_tokens: 30, cache_creation_tokens: 20 },
      }),
      { input: 50, cached_input: 30, cache_write: 20, output: 40 },
    ],
    [
      'Cohere',
      {
        billed_units: { input_tokens: 4, output_tokens: 6, search_units: 1, images: 2 },
        tokens: { input_tokens: 70, output_tokens: 6 },
        cached_tokens: 3,
      },
      { input: 4, output: 6, query: 1, image: 2 },
    ],
    ['Cohere rerank', { billed_units: { search_units: 1 } }, { query: 1 }],
    [
      'Perplexity deep research',
      {
        prompt_tokens: 33,
        completion_tokens: 7163,
        total_tokens: 7196,
        citation_tokens: 20016,
        num_search_queries: 31,
        reasoning_tokens: 73997,
        search_context_size: 'low',
      },
      { input: 20049, output: 7163, reasoning: 73997, search: 31 },
    ],
    [
      'Ollama',
      {
        prompt_eval_count: 26,
        prompt_eval_duration: 130079000,
        eval_count: 259,
        eval_duration: 4232710000,
        total_duration: 10706818083,
        load_duration: 6338219291,
        context: [1, 2, 3],
      },
      { input: 26, output: 259 },
    ],
    ['Ollama with all of the prompt cached', { eval_count: 259, total_duration: 107068 }, { output: 259 }],
    [
      'llama.cpp',
      {
        prompt_n: 12,
        prompt_ms: 40.2,
        prompt_per_token_ms: 3.3,
        prompt_per_second: 298.5,
        predicted_n: 35,
        predicted_ms: 661.0,
        predicted_per_token_ms: 18.9,
        predicted_per_second: 52.9,
        cache_n: 236,
      },
      { input: 12, cached_input: 236, output: 35 },
    ],
    ['llama.cpp beside the usage', { timings: { prompt_n: 1, predicted_n: 2 } }, { input: 1, output: 2 }],
    [
      'TGI',
      {
        details: {
          finish_reason: 'length',
          generated_tokens: 20,
          seed: 42,
          prefill: [
            { id: 1, text: 'a', logprob: null },
            { id: 2, text: 'b', logprob: -1 },
          ],
          tokens: [{ id: 5, text: 'c' }],
        },
      },
      { input: 2, output: 20 },
    ],
    [
      'SGLang',
      {
        meta_info: {
          id: 'x',
          finish_reason: { type: 'length', length: 16 },
          prompt_tokens: 5,
          completion_tokens: 16,
          cached_tokens: 4,
          e2e_latency: 1.2,
        },
      },
      { input: 1, cached_input: 4, output: 16 },
    ],
    [
      'LM Studio',
      {
        stats: {
          input_tokens: 10,
          total_output_tokens: 30,
          reasoning_output_tokens: 12,
          tokens_per_second: 51.4,
          time_to_first_token_seconds: 0.1,
          model_load_time_seconds: 2,
        },
      },
      { input: 10, output: 18, reasoning: 12 },
    ],
    ['a reranker that counts tokens', { total_tokens: 56 }, { input: 56 }, { operation: 'rerank' }],
    [
      'a reranker that counts searches',
      { search_units: 3, total_tokens: 0 },
      { query: 3 },
      { operation: 'rerank' },
    ],
    ['embeddings', { prompt_tokens: 8, total_tokens: 8 }, { input: 8 }, { operation: 'embeddings' }],
    [
      'images without details',
      { input_tokens: 5, output_tokens: 9, total_tokens: 14 },
      { input: 5, output_image: 9 },
      { operation: 'images' },
    ],
    [
      'a whole answer',
      { id: 'x', created: 5, usage: { prompt_tokens: 1, completion_tokens: 2 }, service_tier: 'flex' },
      { input: 1, output: 2 },
    ],
    ['pages of documents', { usage_info: { pages_processed: 7, doc_size_bytes: 123456 } }, { page: 7 }],
    [
      'meters by their names',
      { input_character: 120, image: 2 },
      { input_character: 120, image: 2 },
      { format: 'meters' },
    ],
    [
      'Bedrock and OpenAI at once, where both say the same',
      { ...chat({}), inputTokens: 100, outputTokens: 40, totalTokens: 140 },
      { input: 100, output: 40 },
    ],
  ])('of %s', (_, usage, quantities, options = {}) => {
    expect(counted(usage, options).quantities).toEqual(quantities);
    expect(counted(usage, options).unread).toEqual([]);
  });

  it('says the tier, the region and the attributes that stand in it', () => {
    expect(
      counted({
        input_tokens: 1,
        output_tokens: 1,
        cache_read_input_tokens: 0,
        service_tier: 'standard',
        inference_geo: 'us',
      }),
    ).toMatchObject({ serviceTier: 'default', region: 'us' });
    expect(
      counted({
        promptTokenCount: 1,
        candidatesTokenCount: 1,
        totalTokenCount: 2,
        trafficType: 'ON_DEMAND_PRIORITY',
      }),
    ).toMatchObject({ serviceTier: 'priority' });
    expect(counted({ prompt_tokens: 1, completion_tokens: 1, service_tier: 'flex' })).toMatchObject({
      serviceTier: 'flex',
    });
    expect(
      counted({ usage: { prompt_tokens: 1, completion_tokens: 1 }, service_tier: 'batches' }),
    ).toMatchObject({ serviceTier: 'batch' });
    expect(
      counted({
        prompt_tokens: 1,
        completion_tokens: 1,
        total_tokens: 2,
        num_search_queries: 1,
        search_context_size: 'high',
      }),
    ).toMatchObject({ attributes: { search_context_size: 'high' } });
  });
});

describe('usage that contradicts itself', () => {
  it.each<[string, object]>([
    ['a negative count', { prompt_tokens: -1, completion_tokens: 1 }],
    ['a fraction', { prompt_tokens: 1.5, completion_tokens: 1 }],
    ['a text', { prompt_tokens: '1', completion_tokens: 1 }],
    ['a count that is too large', { prompt_tokens: 2 ** 31, completion_tokens: 1 }],
    ['a flag', { inputTokens: true, outputTokens: 1 }],
    ['no count', {}],
    ['one side of a stream', { output_tokens: 15 }],
    ['a prompt alone', { prompt_tokens: 15 }],
    ['a total alone', { total_tokens: 15 }],
    [
      'more cached than prompt',
      { prompt_tokens: 1, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 2 } },
    ],
    [
      'more parts than completion',
      {
        prompt_tokens: 1,
        completion_tokens: 4,
        completion_tokens_details: { reasoning_tokens: 3, audio_tokens: 3 },
      },
    ],
    ['a total that is more', { prompt_tokens: 11, completion_tokens: 32, total_tokens: 1043 }],
    ['a total that is less', { prompt_tokens: 11, completion_tokens: 32, total_tokens: 42 }],
    ['a Gemini total that is more', { promptTokenCount: 9, candidatesTokenCount: 51, totalTokenCount: 61 }],
    ['a Bedrock total that is more', { inputTokens: 9, outputTokens: 51, totalTokens: 61 }],
    ['two spellings with two numbers', { prompt_tokens: 5, input_tokens: 6, completion_tokens: 1 }],
    [
      'a split of cache writes that is not their sum',
      {
        input_tokens: 1,
        output_tokens: 1,
        cache_creation_input_tokens: 5,
        cache_creation: { ephemeral_5m_input_tokens: 1, ephemeral_1h_input_tokens: 1 },
      },
    ],
    [
      'two shapes that disagree',
      {
        promptTokenCount: 9,
        candidatesTokenCount: 51,
        totalTokenCount: 60,
        inputTokens: 9,
        outputTokens: 50,
      },
    ],
    ['seconds that are not whole', { type: 'duration', seconds: 9.5 }],
    ['details that are no object', { prompt_tokens: 1, completion_tokens: 1, prompt_tokens_details: 7 }],
    [
      'a list that has no objects',
      { promptTokenCount: 1, candidatesTokenCount: 1, promptTokensDetails: [7] },
    ],
  ])('is refused: %s', (_, usage) => {
    expect(refused(usage)).not.toBeNull();
  });

  it('names the field, with the object that it stands in', () => {
    expect(refused({ usage: { prompt_tokens: -1, completion_tokens: 2 } })).toMatch(
      /^usage\.prompt_tokens must be an integer/,
    );
    expect(
      refused({
        prompt_tokens: 1,
        completion_tokens: 1,
        completion_tokens_details: { reasoning_tokens: 'x' },
      }),
    ).toMatch(/^completion_tokens_details\.reasoning_tokens /);
  });
});

describe('what no shape knows', () => {
  it('is named by its path where it counts something, and the rest is counted', () => {
    const usage = {
      prompt_tokens: 5,
      completion_tokens: 2,
      total_tokens: 7,
      priority_tokens: 3,
      new_thing: { deep_count: 4, zero_tokens: 0, cost: 5 },
      num_sources_used: 2,
    };
    expect(counted(usage)).toMatchObject({
      quantities: { input: 5, output: 2 },
      unread: ['new_thing.deep_count', 'num_sources_used', 'priority_tokens'],
    });
    expect(counted({ inputTokens: 1, outputTokens: 1, serverToolUsage: { searches: 2 } }).unread).toEqual([
      'serverToolUsage.searches',
    ]);
  });

  it('is not a time, a price, a speed or a flag', () => {
    const usage = {
      prompt_tokens: 5,
      completion_tokens: 2,
      queue_time: 0.3,
      total_duration: 17,
      cost: 1,
      cost_details: { upstream_inference_cost: 2 },
      is_byok: true,
      latency_ms: 12,
      tokens_per_second: 9,
      timeToFirstToken: 2,
      created: 1_763_841_600,
      system_fingerprint: 'x',
    };
    expect(counted(usage).unread).toEqual([]);
  });

  it('is bounded, and printable', () => {
    const many = Object.fromEntries(Array.from({ length: 99 }, (_, index) => [`x${index}_tokens`, 1]));
    expect(counted({ prompt_tokens: 1, completion_tokens: 1, ...many }).unread).toHaveLength(32);
    const [path] = counted({
      prompt_tokens: 1,
      completion_tokens: 1,
      [`a\u0000${'b'.repeat(500)}`]: 1,
    }).unread;
    expect(path).toBe(`a\ufffd${'b'.repeat(126)}`);
  });
});

const count = fc.oneof(fc.constant(0), fc.nat(1_000), fc.nat(400_000_000));
const without = (quantities: Record<string, number>) =>
  Object.fromEntries(Object.entries(quantities).filter(([, quantity]) => quantity > 0));

/** How each server says any quantities of its meters. */
const SERVERS: [
  UsageFormat,
  (n: readonly number[]) => { usage: object; quantities: Record<string, number> },
][] = [
  [
    'openai',
    ([a, b, c, d, e, f, g, h]: readonly number[]) => ({
      usage: {
        prompt_tokens: a! + b! + c! + d! + e!,
        completion_tokens: f! + g! + h!,
        total_tokens: a! + b! + c! + d! + e! + f! + g! + h!,
        prompt_tokens_details: { cached_tokens: b, cache_write_tokens: c, audio_tokens: d, image_tokens: e },
        completion_tokens_details: { reasoning_tokens: g, audio_tokens: h },
      },
      quantities: {
        input: a!,
        cached_input: b!,
        cache_write: c!,
        input_audio: d!,
        input_image: e!,
        output: f!,
        reasoning: g!,
        output_audio: h!,
      },
    }),
  ],
  [
    'openai',
    ([a, b, c, d]: readonly number[]) => ({
      usage: {
        input_tokens: a! + b!,
        output_tokens: c! + d!,
        total_tokens: a! + b! + c! + d!,
        input_tokens_details: { cached_tokens: b },
        output_tokens_details: { reasoning_tokens: d },
      },
      quantities: { input: a!, cached_input: b!, output: c!, reasoning: d! },
    }),
  ],
  [
    'anthropic',
    ([a, b, c, d, e, f, g]: readonly number[]) => ({
      usage: {
        input_tokens: a,
        cache_read_input_tokens: b,
        cache_creation_input_tokens: c! + d!,
        cache_creation: { ephemeral_5m_input_tokens: c, ephemeral_1h_input_tokens: d },
        output_tokens: e! + f!,
        output_tokens_details: { thinking_tokens: f },
        server_tool_use: { web_search_requests: g },
      },
      quantities: {
        input: a!,
        cached_input: b!,
        cache_write: c!,
        cache_write_1h: d!,
        output: e!,
        reasoning: f!,
        search: g!,
      },
    }),
  ],
  [
    'gemini',
    ([a, b, c, d, e, f, g]: readonly number[]) => ({
      usage: {
        promptTokenCount: a! + b! + c! + d!,
        cachedContentTokenCount: b! + c!,
        cacheTokensDetails: [
          { modality: 'TEXT', tokenCount: b },
          { modality: 'AUDIO', tokenCount: c },
        ],
        promptTokensDetails: [
          { modality: 'TEXT', tokenCount: a! + b! },
          { modality: 'AUDIO', tokenCount: c! + d! },
        ],
        candidatesTokenCount: e! + f!,
        candidatesTokensDetails: [{ modality: 'IMAGE', tokenCount: f }],
        thoughtsTokenCount: g,
        totalTokenCount: a! + b! + c! + d! + e! + f! + g!,
      },
      quantities: {
        input: a!,
        cached_input: b!,
        cached_input_audio: c!,
        input_audio: d!,
        output: e!,
        output_image: f!,
        reasoning: g!,
      },
    }),
  ],
  [
    'bedrock',
    ([a, b, c, d, e]: readonly number[]) => ({
      usage: {
        inputTokens: a,
        cacheReadInputTokens: b,
        cacheWriteInputTokens: c! + d!,
        cacheDetails: [
          { ttl: '1h', inputTokens: d },
          { ttl: '5m', inputTokens: c },
        ],
        outputTokens: e,
        totalTokens: a! + b! + c! + d! + e!,
      },
      quantities: { input: a!, cached_input: b!, cache_write: c!, cache_write_1h: d!, output: e! },
    }),
  ],
  [
    'cohere',
    ([a, b, c, d]: readonly number[]) => ({
      usage: {
        billed_units: { input_tokens: a, output_tokens: b, search_units: c, images: d },
        tokens: { input_tokens: 9, output_tokens: 9 },
      },
      quantities: { input: a!, output: b!, query: c!, image: d! },
    }),
  ],
  [
    'perplexity',
    ([a, b, c, d, e]: readonly number[]) => ({
      usage: {
        prompt_tokens: a,
        citation_tokens: b,
        completion_tokens: c,
        reasoning_tokens: d,
        num_search_queries: e,
        total_tokens: a! + c!,
      },
      quantities: { input: a! + b!, output: c!, reasoning: d!, search: e! },
    }),
  ],
  [
    'ollama',
    ([a, b]: readonly number[]) => ({
      usage: { prompt_eval_count: a, eval_count: b, eval_duration: 7 },
      quantities: { input: a!, output: b! },
    }),
  ],
  [
    'llama_cpp',
    ([a, b, c]: readonly number[]) => ({
      usage: { prompt_n: a, cache_n: b, predicted_n: c, prompt_ms: 7 },
      quantities: { input: a!, cached_input: b!, output: c! },
    }),
  ],
  [
    'lm_studio',
    ([a, b, c]: readonly number[]) => ({
      usage: { input_tokens: a, total_output_tokens: b! + c!, reasoning_output_tokens: c },
      quantities: { input: a!, output: b!, reasoning: c! },
    }),
  ],
  [
    'tgi',
    ([a, b]: readonly number[]) => ({
      usage: { generated_tokens: b, input_length: a },
      quantities: { input: a!, output: b! },
    }),
  ],
  [
    'duration',
    ([a]: readonly number[]) => ({
      usage: { type: 'duration', seconds: a },
      quantities: { input_second: a! },
    }),
  ],
  [
    'pages',
    ([a]: readonly number[]) => ({
      usage: { pages_processed: a, doc_size_bytes: 5 },
      quantities: { page: a! },
    }),
  ],
];

describe('each shape', () => {
  const counts = fc.array(count, { minLength: 8, maxLength: 8 });

  it.each(SERVERS)('%s gives back any quantities exactly, by itself and by its name', (format, say) => {
    fc.assert(
      fc.property(counts, (numbers) => {
        const { usage, quantities } = say(numbers);
        const expected = { format, quantities: without(quantities), unread: [] };
        expect(counted(usage)).toMatchObject(expected);
        expect(counted(usage).quantities).toEqual(without(quantities));
        expect(counted(usage, { format })).toMatchObject(expected);
      }),
    );
  });

  it('is recognised by fields that no other shape has: two in one object say the same or are refused', () => {
    fc.assert(
      fc.property(fc.constantFrom(...SERVERS), fc.constantFrom(...SERVERS), counts, counts, (a, b, m, n) => {
        const [one, other] = [a[1](m), b[1](n)];
        if (a[0] === b[0]) return;
        const both = { ...one.usage, ...other.usage };
        const reading = read(both);
        if (!reading.ok) return;
        // Fields of the other shape that this one does not know are read by it, or named.
        const { quantities, unread } = reading.reading;
        const said = [one, other].map((each) => JSON.stringify(sorted(without(each.quantities))));
        expect(
          said.includes(JSON.stringify(sorted(quantities))) || unread.length > 0 || isPart(a[0], b[0]),
        ).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('reads the usual object in one pass as its shape does', () => {
    fc.assert(
      fc.property(count, count, count, count, fc.boolean(), (a, b, c, d, hasTotal) => {
        const usage = {
          prompt_tokens: a + b,
          completion_tokens: c + d,
          ...(hasTotal && { total_tokens: a + b + c + d }),
          prompt_tokens_details: { cached_tokens: b, audio_tokens: 0 },
          completion_tokens_details: { reasoning_tokens: d },
        };
        expect(counted(usage)).toEqual(counted(usage, { format: 'openai' }));
      }),
    );
  });

  it('never throws, whatever the object', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.constantFrom(...SERVERS),
        counts,
        (extra, [, say], numbers) => {
          expect(typeof read(extra).ok).toBe('boolean');
          expect(typeof read({ ...say(numbers).usage, ...extra }).ok).toBe('boolean');
        },
      ),
    );
  });
});

const sorted = (quantities: object) => Object.entries(quantities).sort();
/** Shapes whose fields stand beside OpenAI's: the fields of both are one usage. */
const BESIDE = new Set(['perplexity', 'lm_studio', 'tgi', 'cohere', 'openai', 'anthropic']);
const isPart = (a: string, b: string) => BESIDE.has(a) && BESIDE.has(b);
