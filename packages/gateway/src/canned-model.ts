/** Stands in for an inference server: canned text in OpenAI's shapes, the same for the same request, with its true `usage`. */
import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { ChatBody, EmbeddingsBody } from './request-body.js';

/** The gateway sets id and time, because it needs the id even if the model never answers. */
export interface ChatRequest {
  readonly id: string;
  readonly createdSeconds: number;
  readonly body: ChatBody;
}

export class ModelOverloaded extends Error {}

export class CannedModel {
  private readonly options: { capacity: number; delayMs: number };
  private runningCount = 0;

  constructor(options: { capacity: number; delayMs: number }) {
    this.options = options;
  }

  async complete(request: ChatRequest) {
    this.enter();
    try {
      await pause(this.options.delayMs);
      const { tokens, finishReason, usage } = compose(request.body);
      const message = { role: 'assistant', content: tokens.join(''), refusal: null };
      const choice = { index: 0, message, logprobs: null, finish_reason: finishReason };
      return { ...envelope(request, 'chat.completion'), choices: [choice], usage };
    } finally {
      this.runningCount -= 1;
    }
  }

  /** One chunk per token, and at the end a chunk with the usage, which the gateway always asks for. */
  async *stream(request: ChatRequest, signal: AbortSignal) {
    this.enter();
    try {
      const { tokens, finishReason, usage } = compose(request.body);
      const head = envelope(request, 'chat.completion.chunk');
      yield { ...head, choices: [choice({ role: 'assistant', content: '' })], usage: null };
      for (const content of tokens) {
        await pause(this.options.delayMs / tokens.length, signal);
        yield { ...head, choices: [choice({ content })], usage: null };
      }
      yield { ...head, choices: [choice({}, finishReason)], usage: null };
      yield { ...head, choices: [], usage };
    } finally {
      this.runningCount -= 1;
    }
  }

  async embed(body: EmbeddingsBody) {
    this.enter();
    try {
      await pause(this.options.delayMs);
      const data = inputsOf(body).map((input, index) => {
        const vector = embedding(typeof input === 'string' ? input : input.join(' '));
        const base64 = body.encoding_format === 'base64';
        return { object: 'embedding', index, embedding: base64 ? base64Of(vector) : [...vector] };
      });
      const promptTokens = embeddingsTokens(body);
      const usage = { prompt_tokens: promptTokens, total_tokens: promptTokens };
      return { object: 'list', data, model: body.model, usage };
    } finally {
      this.runningCount -= 1;
    }
  }

  private enter(): void {
    if (this.runningCount >= this.options.capacity) throw new ModelOverloaded();
    this.runningCount += 1;
  }
}

export type ChatChunk = ReturnType<CannedModel['stream']> extends AsyncGenerator<infer Chunk> ? Chunk : never;

/** 4 bytes of UTF-8 per token. This is the canned model's tokenizer, so its counts are exact. */
function textTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}

const MESSAGE_TOKENS = 4;
const IMAGE_TOKENS = 256;

/** Each message adds a few tokens of markup, and an image a fixed number of tokens. */
export function promptTokens({ messages }: ChatBody): number {
  const counts = messages.flatMap(({ content }) => {
    if (typeof content === 'string') return [textTokens(content)];
    return (content ?? []).map((part) => (part.type === 'text' ? textTokens(part.text) : IMAGE_TOKENS));
  });
  return counts.reduce((sum, count) => sum + count, messages.length * MESSAGE_TOKENS);
}

export function embeddingsTokens(body: EmbeddingsBody): number {
  const counts = inputsOf(body).map((input) =>
    typeof input === 'string' ? textTokens(input) : input.length,
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

export function chatUsage(promptTokens: number, completionTokens: number) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

const WORDS =
  'This answer is canned but its bill is real : every word is one token and every token has its price .'.split(
    ' ',
  );

/** The prompt decides the length of the answer: 24 to 87 tokens, unless the caller wants fewer. */
function compose(body: ChatBody) {
  const lengthWanted = 24 + ((digest(JSON.stringify(body.messages))[0] ?? 0) % 64);
  const lengthMax = body.max_completion_tokens ?? body.max_tokens ?? lengthWanted;
  const length = Math.min(lengthWanted, lengthMax);
  const tokens = Array.from(
    { length },
    (_, index) => `${index === 0 ? '' : ' '}${WORDS[index % WORDS.length]}`,
  );
  const finishReason = length < lengthWanted ? 'length' : 'stop';
  return { tokens, finishReason, usage: chatUsage(promptTokens(body), length) };
}

function envelope<T extends string>({ id, createdSeconds, body }: ChatRequest, object: T) {
  return { id, object, created: createdSeconds, model: body.model };
}

function choice(delta: { role?: string; content?: string }, finishReason: string | null = null) {
  return { index: 0, delta, logprobs: null, finish_reason: finishReason };
}

/** A single text, or a single list of token ids, is a batch of one. */
function inputsOf({ input }: EmbeddingsBody): (string | number[])[] {
  if (typeof input === 'string') return [input];
  const isTokenIds = (items: typeof input): items is number[] => typeof items[0] === 'number';
  return isTokenIds(input) ? [input] : input;
}

/** A unit vector of 1024 dimensions drawn from the text's hash. */
function embedding(text: string): Float32Array {
  const bytes = Array.from({ length: 32 }, (_, block) => [...digest(`${block} ${text}`)]).flat();
  const raw = bytes.map((byte) => byte - 127.5);
  const norm = Math.hypot(...raw);
  return Float32Array.from(raw, (value) => value / norm);
}

function base64Of(vector: Float32Array): string {
  return Buffer.from(vector.buffer).toString('base64');
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  if (ms > 0) await wait(ms, undefined, { signal });
}
