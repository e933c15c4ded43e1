/** Streams of chat as model servers send them, with the usage that each reports at the end. */

export type ServerStream = {
  readonly server: string;
  /** All events, the usage chunk included. */
  readonly events: readonly string[];
  /** The index of the event that a caller gets only if it has asked for it; null where there is none. */
  readonly usageChunk: number | null;
  readonly usage: Readonly<Record<string, unknown>>;
};

const head = '"id":"chatcmpl-7","object":"chat.completion.chunk","created":1764000000,"model":"m"';

/** Each server writes events with blanks and line ends of its own. */
function events(prefix: string, end: string, data: readonly string[]): string[] {
  return data.map((line) => `${prefix}${line}${end}`);
}

const vllmUsage = { prompt_tokens: 9, total_tokens: 12, completion_tokens: 3, prompt_tokens_details: null };
export const VLLM: ServerStream = {
  server: 'vLLM',
  events: events('data: ', '\n\n', [
    `{${head},"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}`,
    `{${head},"choices":[{"index":0,"delta":{"content":"Grüß"},"logprobs":null,"finish_reason":null}]}`,
    `{${head},"choices":[{"index":0,"delta":{"content":" 🜁"},"logprobs":null,"finish_reason":null}]}`,
    `{${head},"choices":[{"index":0,"delta":{"content":"!"},"logprobs":null,"finish_reason":"stop","stop_reason":null}]}`,
    `{${head},"choices":[],"usage":${JSON.stringify(vllmUsage)}}`,
    '[DONE]',
  ]),
  usageChunk: 4,
  usage: vllmUsage,
};

const sglangUsage = {
  prompt_tokens: 40,
  total_tokens: 42,
  completion_tokens: 2,
  prompt_tokens_details: { cached_tokens: 32 },
  reasoning_tokens: 0,
};
const SGLANG: ServerStream = {
  server: 'SGLang',
  events: events('data: ', '\n\n', [
    `{${head},"choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning_content":null,"tool_calls":null},"finish_reason":null,"matched_stop":null}],"usage":null}`,
    `{${head},"choices":[{"index":0,"delta":{"role":null,"content":"Hi"},"finish_reason":null,"matched_stop":null}],"usage":null}`,
    `{${head},"choices":[{"index":0,"delta":{"role":null,"content":null},"finish_reason":"stop","matched_stop":2}],"usage":null}`,
    `{${head},"choices":[],"usage":${JSON.stringify(sglangUsage)}}`,
    '[DONE]',
  ]),
  usageChunk: 3,
  usage: sglangUsage,
};

const tgiUsage = { prompt_tokens: 17, completion_tokens: 2, total_tokens: 19 };
const TGI: ServerStream = {
  server: 'TGI',
  events: events('data:', '\n\n', [
    `{${head},"system_fingerprint":"3.3.4-native","choices":[{"index":0,"delta":{"role":"assistant","content":"Ok"},"logprobs":null,"finish_reason":null}],"usage":null}`,
    `{${head},"system_fingerprint":"3.3.4-native","choices":[{"index":0,"delta":{"role":"assistant","content":"."},"logprobs":null,"finish_reason":"stop"}],"usage":null}`,
    `{${head},"system_fingerprint":"3.3.4-native","choices":[],"usage":${JSON.stringify(tgiUsage)}}`,
    '[DONE]',
  ]),
  usageChunk: 2,
  usage: tgiUsage,
};

const llamaUsage = { completion_tokens: 2, prompt_tokens: 31, total_tokens: 33 };
const LLAMA_CPP: ServerStream = {
  server: 'llama.cpp',
  events: events('data: ', '\n\n', [
    `{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],${head}}`,
    `{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"No"}}],${head}}`,
    `{"choices":[{"finish_reason":"stop","index":0,"delta":{}}],${head}}`,
    `{"choices":[],${head},"usage":${JSON.stringify(llamaUsage)},"timings":{"cache_n":30,"prompt_n":1,"prompt_ms":21.3,"predicted_n":2,"predicted_ms":40.1}}`,
    '[DONE]',
  ]),
  usageChunk: 3,
  usage: llamaUsage,
};

const ollamaUsage = { prompt_tokens: 26, completion_tokens: 5, total_tokens: 31 };
const OLLAMA: ServerStream = {
  server: "Ollama's /v1",
  events: events('data: ', '\n\n', [
    `{${head},"system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":"Sure"},"finish_reason":null}]}`,
    `{${head},"system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop"}]}`,
    `{${head},"system_fingerprint":"fp_ollama","choices":[],"usage":${JSON.stringify(ollamaUsage)}}`,
    '[DONE]',
  ]),
  usageChunk: 2,
  usage: ollamaUsage,
};

/** vLLM with `continuous_usage_stats`, behind a proxy that ends lines with CRLF. */
const EVERY_CHUNK: ServerStream = {
  server: 'a server with usage in every chunk',
  events: events('data: ', '\r\n\r\n', [
    `{${head},"choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":5,"total_tokens":6,"completion_tokens":1}}`,
    `{${head},"choices":[{"index":0,"delta":{"content":"b"}}],"usage":{"prompt_tokens":5,"total_tokens":7,"completion_tokens":2}}`,
    `{${head},"choices":[],"usage":{"prompt_tokens":5,"total_tokens":7,"completion_tokens":2}}`,
    '[DONE]',
  ]),
  usageChunk: 2,
  usage: { prompt_tokens: 5, total_tokens: 7, completion_tokens: 2 },
};

/** Groq and older servers: the usage stands in the last chunk that has a choice, which is the caller's. */
const LAST_CHUNK: ServerStream = {
  server: 'a server with usage in its last choice',
  events: [
    ': keep-alive\n\n',
    ...events('data: ', '\n\n', [
      `{${head},"choices":[{"index":0,"delta":{"content":"a"}}]}`,
      `{${head},"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"queue_time":0.1,"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}`,
      '[DONE]',
    ]),
  ],
  usageChunk: null,
  usage: { queue_time: 0.1, prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 },
};

export const CHAT_STREAMS = [VLLM, SGLANG, TGI, LLAMA_CPP, OLLAMA, EVERY_CHUNK, LAST_CHUNK];

const event = (type: string, data: object) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;

const startUsage = {
  input_tokens: 25,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 100,
  output_tokens: 1,
  service_tier: 'standard',
};

export const ANTHROPIC: ServerStream = {
  server: 'Anthropic',
  events: [
    event('message_start', {
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        content: [],
        model: 'm',
        usage: startUsage,
      },
    }),
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    event('ping', {}),
    event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'Hello' } }),
    event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: ', caller' } }),
    event('content_block_stop', { index: 0 }),
    event('message_delta', {
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { output_tokens: 15, input_tokens: null },
    }),
    event('message_stop', {}),
  ],
  usageChunk: null,
  usage: { ...startUsage, output_tokens: 15 },
};

export const RESPONSES: ServerStream = {
  server: "OpenAI's responses",
  events: [
    event('response.created', { response: { id: 'resp_1', status: 'in_progress', usage: null } }),
    event('response.output_text.delta', { delta: 'One' }),
    event('response.output_text.delta', { delta: ' two' }),
    event('response.output_text.done', { text: 'One two' }),
    event('response.completed', {
      response: {
        id: 'resp_1',
        status: 'completed',
        service_tier: 'default',
        output: [{ type: 'message', content: [{ type: 'output_text', text: 'One two' }] }],
        usage: {
          input_tokens: 12,
          input_tokens_details: { cached_tokens: 0 },
          output_tokens: 2,
          output_tokens_details: { reasoning_tokens: 0 },
          total_tokens: 14,
        },
      },
    }),
  ],
  usageChunk: null,
  usage: {
    input_tokens: 12,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 2,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 14,
  },
};
