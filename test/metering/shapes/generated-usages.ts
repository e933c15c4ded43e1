/** Usage that each server could report: any quantities, said in its shape. */
import type { UsageFormat } from '../../../src/metering/shapes/read-usage.js';

/** How each server says any quantities of its meters. */
export const SERVERS: [
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
  ['characters', ([a]) => ({ usage: { characters: a }, quantities: { input_character: a! } })],
  ['images', ([a]) => ({ usage: { image_count: a }, quantities: { image: a! } })],
];
