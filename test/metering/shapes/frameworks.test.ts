/**
 * What LangChain (langchain-openai 1.7), pydantic-ai 2.68 and the AI SDK 6.0 made of one answer of a server, as recorded: 1,000 tokens of which
 * 900 were cached, and 60 of which 50 were reasoning.
 */
import { describe, expect, it } from '@jest/globals';
import { readUsage, type UsageFormat } from '../../../src/metering/shapes/read-usage.js';
import type { Usage } from '../../../src/metering/shapes/usage-fields.js';
import { recorded } from '../../support/litellm-logs.js';

const read = (usage: object, format: UsageFormat | null = null) =>
  readUsage(usage as Usage, { operation: 'chat', format });
const counted = (usage: object) => {
  const reading = read(usage);
  if (!reading.ok) throw new Error(`${reading.field} ${reading.message}`);
  return reading.reading;
};
const refused = (usage: object) => {
  const reading = read(usage);
  return reading.ok ? null : `${reading.field} ${reading.message}`;
};

const MEANT = { input: 100, cached_input: 900, output: 10, reasoning: 50 };
const AI_SDK = {
  inputTokens: 1000,
  inputTokenDetails: { noCacheTokens: 100, cacheReadTokens: 900 },
  outputTokens: 60,
  outputTokenDetails: { textTokens: 10, reasoningTokens: 50 },
  totalTokens: 1060,
  raw: { prompt_tokens: 1000, completion_tokens: 60, prompt_tokens_details: { cached_tokens: 900 } },
  reasoningTokens: 50,
  cachedInputTokens: 900,
};
const LANGCHAIN = {
  input_tokens: 1000,
  output_tokens: 60,
  total_tokens: 1060,
  input_token_details: { audio: 0, cache_read: 900 },
  output_token_details: { audio: 0, reasoning: 50 },
};
const PYDANTIC_AI = {
  input_tokens: 1000,
  cache_write_tokens: 0,
  cache_write_1h_tokens: 0,
  cache_read_tokens: 900,
  output_tokens: 60,
  unmeasured_requests: 0,
  output_reasoning_tokens: 50,
  input_audio_tokens: 0,
  cache_audio_read_tokens: 0,
  output_audio_tokens: 0,
  audio_seconds: 0,
  cost: null,
  details: {
    accepted_prediction_tokens: 0,
    audio_tokens: 0,
    reasoning_tokens: 50,
    rejected_prediction_tokens: 0,
  },
};

describe('usage of a framework', () => {
  it.each([
    ["LangChain's usage_metadata", LANGCHAIN, 'langchain'],
    ["LangChain's message", { usage_metadata: LANGCHAIN }, 'langchain'],
    ["pydantic-ai's request", PYDANTIC_AI, 'pydantic_ai'],
    ["pydantic-ai's run", { ...PYDANTIC_AI, requests: 1, tool_calls: 2 }, 'pydantic_ai'],
    ["the AI SDK's result", AI_SDK, 'ai_sdk'],
    [
      "the AI SDK's provider",
      {
        inputTokens: { total: 1000, noCache: 100, cacheRead: 900 },
        outputTokens: { total: 60, text: 10, reasoning: 50 },
        raw: AI_SDK.raw,
      },
      'ai_sdk',
    ],
  ])('has the cached tokens apart: %s', (_, usage, format) => {
    expect(counted(usage)).toMatchObject({ format, quantities: MEANT, unread: [] });
    expect(counted(usage).quantities).toEqual(MEANT);
  });

  it('has what was written to a cache apart, and for how long where it is said', () => {
    const details = {
      cache_read: 500,
      cache_creation: 0,
      ephemeral_5m_input_tokens: 100,
      ephemeral_1h_input_tokens: 300,
    };
    const written = { input: 100, cached_input: 500, cache_write: 100, cache_write_1h: 300, output: 60 };
    expect(
      counted({ ...LANGCHAIN, input_token_details: details, output_token_details: {} }).quantities,
    ).toEqual(written);
    const litellm = {
      prompt_tokens: 1000,
      completion_tokens: 60,
      prompt_tokens_details: {
        cached_tokens: 500,
        cache_creation_tokens: 400,
        cache_creation_token_details: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 300 },
      },
    };
    expect(counted(litellm)).toMatchObject({ quantities: written, unread: [] });
    const pydantic = {
      ...PYDANTIC_AI,
      cache_read_tokens: 500,
      cache_write_tokens: 400,
      cache_write_1h_tokens: 300,
    };
    expect(counted({ ...pydantic, output_reasoning_tokens: 0, details: {} }).quantities).toEqual(written);
    const sdk = {
      inputTokens: 1000,
      inputTokenDetails: { noCacheTokens: 100, cacheReadTokens: 500, cacheWriteTokens: 400 },
    };
    expect(counted({ ...sdk, outputTokens: 60 }).quantities).toEqual({
      input: 100,
      cached_input: 500,
      cache_write: 400,
      output: 60,
    });
  });

  it('names the tier that served, as LangChain counts it apart', () => {
    const usage = {
      ...LANGCHAIN,
      input_token_details: { priority_cache_read: 900, priority: 100 },
      output_token_details: { priority_reasoning: 50, priority: 10 },
    };
    expect(counted(usage)).toMatchObject({ quantities: MEANT, serviceTier: 'priority', unread: [] });
    expect(refused({ ...usage, output_token_details: { flex: 10 } })).toContain('several tiers');
  });

  it('without anything cached is what it is to every reader', () => {
    expect(counted({ input_tokens: 7, output_tokens: 3, total_tokens: 10 }).quantities).toEqual({
      input: 7,
      output: 3,
    });
    expect(counted({ inputTokens: 7, outputTokens: 3, totalTokens: 10 }).quantities).toEqual({
      input: 7,
      output: 3,
    });
    expect(counted({ inputTokens: 7, outputTokens: 3, cachedInputTokens: 0 }).quantities).toEqual({
      input: 7,
      output: 3,
    });
  });

  it.each([
    [
      'the AI SDK before 6',
      { inputTokens: 1000, outputTokens: 60, cachedInputTokens: 900 },
      'inputTokenDetails',
    ],
    ['the AI SDK before 5', { promptTokens: 1000, completionTokens: 60, totalTokens: 1060 }, 'promptTokens'],
    [
      'pydantic-ai before 1',
      { request_tokens: 1000, response_tokens: 60, total_tokens: 1060 },
      'request_tokens',
    ],
    ['an answer that says nothing', { ...PYDANTIC_AI, unmeasured_requests: 1 }, 'nobody knows'],
    ['a run of several requests', { ...PYDANTIC_AI, requests: 2 }, 'each request'],
    [
      'an SDK that contradicts itself',
      { ...AI_SDK, inputTokenDetails: { noCacheTokens: 1, cacheReadTokens: 900 } },
      'add up',
    ],
    ['more cached than input', { ...LANGCHAIN, input_token_details: { cache_read: 1001 } }, 'more cached'],
  ])('is refused where it does not say what was cached: %s', (_, usage, why) => {
    expect(refused(usage)).toContain(why);
  });

  it.each(['openllmetry', 'instrumentation_openai_v2'])('of OpenTelemetry is refused by name: %s', (name) => {
    const attributes = attributesIn(recorded(name)).filter(([key]) => key.startsWith('gen_ai.usage.'));
    expect(attributes.length).toBeGreaterThan(1);
    expect(refused(Object.fromEntries(attributes))).toContain('OpenTelemetry');
  });
});

/** The counts of a recorded span. */
function attributesIn(recording: object): [string, number][] {
  const text = JSON.stringify(recording);
  return [...text.matchAll(/"key":"([^"]+)","value":\{"intValue":"(\d+)"\}/g)].map(([, key, count]) => [
    key!,
    Number(count),
  ]);
}
