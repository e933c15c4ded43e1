/** Usage as servers report it, by their public documentation, and the quantities that it means. */
import type { Quantities } from '../../../src/domain/meters.js';
import type { UsageFormat } from '../../../src/metering/shapes/read-usage.js';

const chat = (more: object) => ({ prompt_tokens: 100, completion_tokens: 40, total_tokens: 140, ...more });

/** Its name, its usage, what that means, and how it is read where its fields do not say. */
export type ServerUsage = [string, object, Quantities, Options?];

type Options = { readonly operation?: string; readonly format?: UsageFormat };

export const LARGE_PROVIDERS: readonly ServerUsage[] = [
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
];
