/**
 * Reads the usage object that a model server returned, in any of the shapes that servers have, as quantities of meters. Each shape is
 * recognised by fields of its own, and no object is recognised as two.
 */
import { TOKENS_MAX } from '@tally/client/protocol';
import { METERS, type Quantities } from '../../domain/meters.js';
import { canonicalTier } from '../../domain/service-tier.js';
import { ANTHROPIC } from './anthropic.js';
import { BEDROCK } from './bedrock.js';
import { COHERE } from './cohere.js';
import { AI_SDK, LANGCHAIN, PYDANTIC_AI, refuseByName } from './frameworks.js';
import { GEMINI, GEMINI_OPENAI } from './gemini.js';
import { LLAMA_CPP, LM_STUDIO, OLLAMA, TGI } from './local-servers.js';
import { OPENAI } from './openai.js';
import { PERPLEXITY } from './perplexity.js';
import type { Shape } from './shape.js';
import {
  CHARACTERS,
  DURATION,
  IMAGES,
  METERS_BY_NAME,
  PAGES,
  SEARCH_UNITS,
  TOTAL_ALONE,
} from './single-counts.js';
import { isObject, UsageFields, UsageRefusal, type Usage } from './usage-fields.js';

const SHAPES = {
  langchain: LANGCHAIN,
  pydantic_ai: PYDANTIC_AI,
  ai_sdk: AI_SDK,
  gemini: GEMINI,
  bedrock: BEDROCK,
  cohere: COHERE,
  ollama: OLLAMA,
  llama_cpp: LLAMA_CPP,
  lm_studio: LM_STUDIO,
  tgi: TGI,
  duration: DURATION,
  pages: PAGES,
  perplexity: PERPLEXITY,
  anthropic: ANTHROPIC,
  openai: OPENAI,
  total: TOTAL_ALONE,
  search_units: SEARCH_UNITS,
  characters: CHARACTERS,
  images: IMAGES,
  gemini_openai: GEMINI_OPENAI,
  meters: METERS_BY_NAME,
} as const satisfies Record<string, Shape>;

export type UsageFormat = keyof typeof SHAPES;

const FORMATS = Object.keys(SHAPES) as UsageFormat[];

/** Other names of formats: servers that report as another one does. */
const SYNONYMS = {
  openai_chat: 'openai',
  openai_responses: 'openai',
  openai_embeddings: 'openai',
  openai_images: 'openai',
  openai_realtime: 'openai',
  openai_transcription: 'openai',
  azure: 'openai',
  vllm: 'openai',
  sglang: 'openai',
  groq: 'openai',
  fireworks: 'openai',
  openrouter: 'openai',
  litellm: 'openai',
  mistral: 'openai',
  deepseek: 'openai',
  kimi: 'openai',
  xai: 'openai',
  bedrock_converse: 'bedrock',
  anthropic_messages: 'anthropic',
  vertex: 'gemini',
  rerank: 'total',
  vercel: 'ai_sdk',
} as const satisfies Record<string, UsageFormat>;

/** What `data.usage_format` may be. */
export const USAGE_FORMATS = [...FORMATS, ...Object.keys(SYNONYMS)] as [string, ...string[]];

export function usageFormatOf(name: string): UsageFormat {
  return name in SYNONYMS ? SYNONYMS[name as keyof typeof SYNONYMS] : (name as UsageFormat);
}

export type UsageReading =
  | {
      readonly ok: true;
      readonly reading: {
        readonly format: UsageFormat;
        readonly quantities: Quantities;
        /** The tier that served, by its canonical name; null where the usage does not say. */
        readonly serviceTier: string | null;
        readonly region: string | null;
        /** What else of the usage chooses among a price's variants. */
        readonly attributes: Readonly<Record<string, string>>;
        /** Paths of counts above 0 that the shape does not know. */
        readonly unread: readonly string[];
      };
    }
  | { readonly ok: false; readonly field: string; readonly message: string };

/** Never throws. `format` names the shape where its fields cannot. */
export function readUsage(
  usage: Usage,
  { operation, format }: { operation: string; format: UsageFormat | null },
): UsageReading {
  if (format === null) {
    const usual = readUsual(usage);
    if (usual !== null) return usual;
  }
  try {
    return read(unwrapped(usage), { operation, format });
  } catch (error) {
    if (error instanceof UsageRefusal) return { ok: false, field: error.field, message: error.message };
    throw error;
  }
}

function read(
  { usage, path, tierBeside, unreadBeside }: Unwrapped,
  { operation, format }: { operation: string; format: UsageFormat | null },
): UsageReading {
  const fields = new UsageFields(usage);
  if (format === null) refuseByName(fields);
  const [name, ...others] = format === null ? recognise(fields, operation) : [format];
  try {
    const {
      quantities,
      serviceTier = null,
      region = null,
      attributes = {},
    } = SHAPES[name].read(fields, operation);
    for (const other of others) {
      if (isSame(SHAPES[other].read(fields, operation).quantities, quantities)) continue;
      throw new UsageRefusal('', `must not say one thing as ${name} and another as ${other}`);
    }
    const served = serviceTier ?? tierBeside;
    const tier = served === null ? null : canonicalTier(served);
    const unread = [...fields.unread().map((field) => `${path}${field}`), ...unreadBeside];
    return { ok: true, reading: { format: name, quantities, serviceTier: tier, region, attributes, unread } };
  } catch (error) {
    if (!(error instanceof UsageRefusal)) throw error;
    throw new UsageRefusal(`${path}${error.field}`.replace(/\.$/, ''), error.message);
  }
}

function isSame(a: Quantities, b: Quantities): boolean {
  return METERS.every((meter) => a[meter] === b[meter]);
}

/** A shape that another one contains: its own fields beside the other's, so that the other's reader would leave them out. */
const CONTAINS: Partial<Record<UsageFormat, readonly UsageFormat[]>> = {
  perplexity: ['openai'],
  lm_studio: ['openai', 'anthropic'],
  tgi: ['openai'],
  cohere: ['openai', 'anthropic'],
  search_units: ['total'],
  langchain: ['openai', 'anthropic'],
  pydantic_ai: ['openai', 'anthropic'],
  ai_sdk: ['bedrock'],
};

/** One shape, or those that say the same in the same object. */
function recognise(fields: UsageFields, operation: string): [UsageFormat, ...UsageFormat[]] {
  const found = FORMATS.filter((name) => SHAPES[name].recognises(fields, operation));
  const [first, ...others] = found.filter((name) => !found.some((other) => CONTAINS[other]?.includes(name)));
  if (first === undefined) throw new UsageRefusal('', 'must have counts in the shape of a known server');
  return [first, ...others];
}

/** Where answers keep the usage. */
const WRAPS = [
  'usage',
  'usageMetadata',
  'usage_metadata',
  'timings',
  'meta_info',
  'stats',
  'details',
  'usage_info',
  'meta',
] as const;

type Unwrapped = {
  readonly usage: Usage;
  /** Of the usage in what was given. */
  readonly path: string;
  readonly tierBeside: string | null;
  /** Counts that stand beside the usage. */
  readonly unreadBeside: readonly string[];
};

/** A whole answer may be given in place of its usage; its tier then stands beside the usage. */
function unwrapped(given: Usage): Unwrapped {
  for (const name of WRAPS) {
    const usage = given[name];
    // Beside counts it is a part of them.
    if (!isObject(usage) || COUNTS.some((count) => typeof given[count] === 'number')) continue;
    const fields = new UsageFields(given);
    const tierBeside = fields.text('service_tier') ?? fields.text('serviceTier');
    return { usage, path: `${name}.`, tierBeside, unreadBeside: fields.unreadAtTop() };
  }
  return { usage: given, path: '', tierBeside: null, unreadBeside: [] };
}

const COUNTS = ['prompt_tokens', 'completion_tokens', 'input_tokens', 'output_tokens', 'total_tokens'];

/** What most events say, and nothing else: counts as they are. Null where anything is different; then the shapes read it. */
function readUsual(usage: Usage): UsageReading | null {
  const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = usage;
  if (!isCount(prompt) || !isCount(completion) || (total ?? prompt + completion) !== prompt + completion)
    return null;
  let cached = 0;
  let reasoning = 0;
  for (const name in usage) {
    const value = usage[name];
    if (name === 'prompt_tokens' || name === 'completion_tokens' || name === 'total_tokens' || value === null)
      continue;
    if (name === 'prompt_tokens_details') {
      const part = onlyPart(value, 'cached_tokens');
      if (part === null) return null;
      cached = part;
    } else if (name === 'completion_tokens_details') {
      const part = onlyPart(value, 'reasoning_tokens');
      if (part === null) return null;
      reasoning = part;
    } else return null;
  }
  if (cached > prompt || reasoning > completion) return null;
  const quantities: { input?: number; cached_input?: number; output?: number; reasoning?: number } = {};
  if (prompt > cached) quantities.input = prompt - cached;
  if (cached > 0) quantities.cached_input = cached;
  if (completion > reasoning) quantities.output = completion - reasoning;
  if (reasoning > 0) quantities.reasoning = reasoning;
  const nothing = { serviceTier: null, region: null, attributes: NO_ATTRIBUTES, unread: NOTHING_UNREAD };
  return { ok: true, reading: { format: 'openai', quantities, ...nothing } };
}

const NO_ATTRIBUTES: Readonly<Record<string, string>> = {};
const NOTHING_UNREAD: readonly string[] = [];

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= TOKENS_MAX;
}

/** The named count of an object whose other counts are zero; null where there is more to read. */
function onlyPart(details: unknown, part: string): number | null {
  if (!isObject(details)) return null;
  let count = 0;
  for (const name in details) {
    const value = details[name];
    if (value === 0 || value === null) continue;
    if (name !== part || !isCount(value)) return null;
    count = value;
  }
  return count;
}
