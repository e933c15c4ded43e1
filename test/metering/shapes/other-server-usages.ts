/** The same of other servers. */
import type { ServerUsage } from './large-provider-usages.js';

const chat = (more: object) => ({ prompt_tokens: 100, completion_tokens: 40, total_tokens: 140, ...more });

export const OTHER_SERVERS: readonly ServerUsage[] = [
  [
    'the metrics of a Bedrock invocation',
    { inputTokenCount: 5, outputTokenCount: 7, invocationLatency: 900, firstByteLatency: 300 },
    { input: 5, output: 7 },
  ],
  ['Mistral without audio', chat({ prompt_audio_seconds: {} }), { input: 100, output: 40 }],
  ['Mistral with audio', chat({ prompt_audio_seconds: 12 }), { input: 100, output: 40, input_second: 12 }],
  ['Voyage', { text_tokens: 6, total_tokens: 6 }, { input: 6 }, { operation: 'embeddings' }],
  ['speech by its text', { characters: 120 }, { input_character: 120 }, { operation: 'audio.speech' }],
  ['pictures one by one', { image_count: 2 }, { image: 2 }, { operation: 'images' }],
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
];
