/** What a gateway reads in a request before it passes it on: the model, how large its hold must be, and whether to ask for usage. */
import type { IncomingHttpHeaders } from 'node:http';
import { badRequest } from '../openai-error.js';
import type { Fields } from './answer-fields.js';
import { fieldsOf } from './answer-reading.js';
import type { Endpoint } from './endpoints.js';
import { audioSecondsOf } from './audio-length.js';
import { JsonMembers } from './json-members.js';
import { promptSizeOf } from './prompt-size.js';
import { checkFormBounds, checkJsonBounds } from './request-bounds.js';

export interface ReadRequest {
  readonly model: string;
  /** The request's bytes, with `stream_options` where the gateway asks for usage. */
  readonly bytes: Buffer;
  /** The gateway asked for usage and its caller did not: the chunk with it is for the gateway alone. */
  readonly hidesUsage: boolean;
  readonly userId: string | undefined;
  /** `auto` where another tier than the default is asked for: the server may serve it by any. */
  readonly serviceTier: 'auto' | undefined;
  /** Undefined where the request does not bound its tokens. */
  readonly inputBytes: number | undefined;
  readonly maxOutputTokens: number | undefined;
  /** Prompts, texts to embed, or documents to rank. */
  readonly inputCount: number;
  /** Answers to all of them. */
  readonly outputCount: number;
  /** What the caller called its limit, for an error about it. */
  readonly limitParam: string | null;
  readonly input: InputFacts;
}

/** For an estimate where the server reports nothing. */
export interface InputFacts {
  readonly textBytes: number;
  /** Of the text to be spoken. */
  readonly characterCount: number;
  /** Of a recording to be transcribed. */
  readonly audioSeconds: number;
}

/** A chat template's own text, which stands in no request. */
const TEMPLATE_BYTES = 512;

const LIMITS = [
  'max_completion_tokens',
  'max_output_tokens',
  'max_tokens',
  'max_new_tokens',
  // llama.cpp takes it before `max_tokens`.
  'n_predict',
] as const;

export async function readRequest(
  endpoint: Endpoint,
  headers: IncomingHttpHeaders,
  bytes: Buffer,
): Promise<ReadRequest> {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    throw badRequest('The request body must not be compressed', { status: 415 });
  const type = headers['content-type'] ?? '';
  if (/^multipart\/form-data\b/i.test(type)) return readForm(endpoint, type, bytes);
  return readJson(endpoint, bytes);
}

function readJson(endpoint: Endpoint, bytes: Buffer): ReadRequest {
  checkJsonBounds(bytes);
  const body = parsed(bytes);
  const members = new JsonMembers();
  members.push(bytes);
  refuseTwins(members.members.map(({ name }) => name));
  const common = readCommon(endpoint, body);
  const size = promptSizeOf(body);
  const asksForUsage = endpoint.hasStreamOptions && body['stream'] === true;
  const optionsGiven = fieldsOf(body['stream_options']);
  const hidesUsage = asksForUsage && optionsGiven['include_usage'] !== true;
  const { input: spoken } = body;
  return {
    ...common,
    bytes: hidesUsage ? withUsageAsked(bytes, members, optionsGiven) : bytes,
    hidesUsage,
    inputBytes: size.hasMore ? undefined : bytes.length + TEMPLATE_BYTES + repeatedBytes(endpoint, body),
    input: {
      textBytes: size.textBytes + repeatedBytes(endpoint, body),
      characterCount:
        endpoint.operation === 'audio.speech' && typeof spoken === 'string' ? characterCountOf(spoken) : 0,
      audioSeconds: 0,
    },
  };
}

function parsed(bytes: Buffer): Fields {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    throw badRequest('The request body is not JSON', { code: 'invalid_json' });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest('The request body must be a JSON object');
  return value as Fields;
}

/** A server might read the other one of two: Go's do not even tell `Model` from `model`. */
function refuseTwins(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    const folded = name.toUpperCase().toLowerCase();
    if (seen.has(folded))
      throw badRequest(`Duplicate parameter: '${name}'.`, { param: name, code: 'duplicate_parameter' });
    seen.add(folded);
  }
}

function readCommon(endpoint: Endpoint, body: Fields) {
  const { model, stream, background, user, safety_identifier: safetyId, metadata, service_tier: tier } = body;
  if (model === undefined || model === null || model === '')
    throw badRequest("Missing required parameter: 'model'.", {
      param: 'model',
      code: 'missing_required_parameter',
    });
  if (typeof model !== 'string') throw invalid('model', 'it must be a text');
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean')
    throw invalid('stream', 'it must be true or false');
  // Its usage would be in an answer that nobody fetches through the gateway.
  if (background !== undefined && background !== null && background !== false)
    throw invalid('background', 'requests run in the foreground only');
  const userId = [user, safetyId, fieldsOf(metadata)['user_id']].find((id) => typeof id === 'string');
  const inputCount = inputCountOf(endpoint, body);
  const outputCount = endpoint.generates ? inputCount * answerCount(body) : 1;
  const limit = limitOf(endpoint, body, outputCount);
  const isUsualTier = tier === undefined || tier === null || tier === 'default' || tier === 'standard_only';
  return {
    model,
    userId,
    serviceTier: isUsualTier ? undefined : ('auto' as const),
    inputCount,
    outputCount,
    ...limit,
  };
}

function invalid(param: string, why: string) {
  return badRequest(`Invalid value for '${param}': ${why}.`, { param, code: 'invalid_value' });
}

/** The largest limit that the request names, for each answer that it asks for. One that a server may take for none is none. */
function limitOf(endpoint: Endpoint, body: Fields, outputCount: number) {
  if (!endpoint.generates) {
    const isInputOnly = endpoint.operation === 'embeddings' || endpoint.operation === 'rerank';
    return { maxOutputTokens: isInputOnly ? 0 : undefined, limitParam: null };
  }
  const named = LIMITS.filter((name) => body[name] !== undefined && body[name] !== null);
  const limits = named.map((name) => body[name]);
  const limitParam = named[0] ?? null;
  if (named.length === 0 || !limits.every((limit) => typeof limit === 'number' && limit >= 1))
    return { maxOutputTokens: undefined, limitParam };
  const most = Math.ceil(Math.max(...(limits as number[])));
  return { maxOutputTokens: most * outputCount, limitParam };
}

/** `n` answers to each prompt, or the best of more. A form has its numbers as texts. */
function answerCount({ n, best_of: bestOf }: Fields): number {
  const counts = [n, bestOf].map(Number).filter((count) => count >= 1 && count < Infinity);
  return Math.ceil(Math.max(1, ...counts));
}

/** Prompts, texts or documents; at least one. What a list of messages has is one prompt. */
function inputCountOf({ operation }: Endpoint, body: Fields): number {
  const names = { completions: ['prompt', 'prompt_embeds'], embeddings: ['input'], rerank: ['documents'] };
  const read = names[operation as keyof typeof names] ?? [];
  return Math.max(
    1,
    read.reduce((sum, name) => sum + inputsIn(body[name]), 0),
  );
}

/** A list of token ids is one input. A list of documents may stand in an object. */
function inputsIn(value: unknown): number {
  if (value === undefined || value === null) return 0;
  const list = Array.isArray(value) ? value : fieldsOf(value)['content'];
  return Array.isArray(list) && typeof list[0] !== 'number' ? list.length : 1;
}

/** A reranker reads the query once with each document. */
function repeatedBytes({ operation }: Endpoint, { query, documents }: Fields): number {
  if (operation !== 'rerank' || typeof query !== 'string' || !Array.isArray(documents)) return 0;
  return Buffer.byteLength(query) * Math.max(0, documents.length - 1);
}

/** Counts a pair of surrogates once, and makes no list of a long text's characters. */
function characterCountOf(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** The same bytes but for `stream_options`, so that no number is rewritten. */
function withUsageAsked(bytes: Buffer, { members }: JsonMembers, given: Fields): Buffer {
  const options = JSON.stringify({ ...given, include_usage: true });
  const member = members.find(({ name }) => name === 'stream_options');
  const open = bytes.indexOf('{') + 1;
  const [start, end, text] =
    member === undefined ? [open, open, `"stream_options":${options},`] : [member.start, member.end, options];
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(text), bytes.subarray(end)]);
}

async function readForm(endpoint: Endpoint, type: string, bytes: Buffer): Promise<ReadRequest> {
  checkFormBounds(bytes);
  const form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': type } })
    .formData()
    .catch(() => {
      throw badRequest('The request body is not a form');
    });
  // A list is sent as `name[]`, once for each of its items; of these and of files a form may have several.
  const texts = [...form].flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' && !name.endsWith('[]') ? [[name, value]] : [],
  );
  refuseTwins(texts.map(([name]) => name));
  const body = Object.fromEntries(texts.map(([name, value]) => [name, valueOf(name, value)]));
  const file = form.get('file');
  const audioSeconds =
    typeof file === 'object' && file !== null && endpoint.operation === 'audio.transcriptions'
      ? audioSecondsOf(Buffer.from(await file.arrayBuffer()))
      : 0;
  const prompt = body['prompt'];
  return {
    ...readCommon(endpoint, body),
    bytes,
    hidesUsage: false,
    // What a recording or a picture comes to is not known from its bytes.
    inputBytes: undefined,
    input: {
      textBytes: typeof prompt === 'string' ? Buffer.byteLength(prompt) : 0,
      characterCount: 0,
      audioSeconds,
    },
  };
}

/** A form has texts only. */
function valueOf(name: string, text: string): unknown {
  if (name === 'stream') return { true: true, false: false }[text.toLowerCase()] ?? text;
  return text;
}
