/**
 * OpenAI's usage, and that of the many servers that speak its API (vLLM, SGLang, Groq, Fireworks, OpenRouter, Azure, Mistral, DeepSeek,
 * Kimi, xAI, LiteLLM): parts are within `prompt_tokens` and `completion_tokens`, or `input_tokens` and `output_tokens`.
 * https://platform.openai.com/docs/api-reference/chat/object
 * https://platform.openai.com/docs/api-reference/responses/object
 * https://platform.openai.com/docs/api-reference/realtime-server-events/response/done (details in the singular)
 * https://docs.mistral.ai/api (num_cached_tokens), https://api-docs.deepseek.com/api/create-chat-completion (prompt_cache_hit_tokens),
 * https://docs.x.ai/docs/guides/reasoning (reasoning beside the completion)
 */
import { added, checkTotal, splitInput, splitOutput, type ByModality } from './parts.js';
import { isOneSided, type Read, type Shape } from './shape.js';
import { UsageRefusal, type UsageFields } from './usage-fields.js';

const INPUT_DETAILS = [
  'prompt_tokens_details',
  'input_tokens_details',
  'input_token_details',
  'prompt_token_details',
] as const;
const OUTPUT_DETAILS = [
  'completion_tokens_details',
  'output_tokens_details',
  'output_token_details',
  'completion_token_details',
] as const;

const within = (groups: readonly string[], ...names: string[]): string[] =>
  groups.flatMap((group) => names.map((name) => `${group}.${name}`));

const CACHED = [
  ...within(INPUT_DETAILS, 'cached_tokens', 'cache_read_tokens'),
  'cached_tokens',
  'num_cached_tokens',
  'prompt_cache_hit_tokens',
];
/** LiteLLM repeats Anthropic's names beside a prompt that includes them. */
const CACHED_BESIDE_PROMPT = [...CACHED, 'cache_read_input_tokens'];
const WRITTEN = within(INPUT_DETAILS, 'cache_write_tokens', 'cache_creation_tokens');
const WRITTEN_BESIDE_PROMPT = [...WRITTEN, 'cache_creation_input_tokens', 'cache_write_tokens'];
const REASONING = [...within(OUTPUT_DETAILS, 'reasoning_tokens'), 'reasoning_tokens'];

const paths = (groups: readonly string[]) => ({
  audio: within(groups, 'audio_tokens'),
  image: within(groups, 'image_tokens'),
  video: within(groups, 'video_tokens'),
});
const INPUT_PARTS = paths(INPUT_DETAILS);
const OUTPUT_PARTS = paths(OUTPUT_DETAILS);
const CACHED_DETAILS = INPUT_DETAILS.map((group) => `${group}.cached_tokens_details`);
const CACHED_PARTS = paths(CACHED_DETAILS);

/** Text is what is left; predictions are in the output already. */
const SAID_TWICE = [
  ...within([...INPUT_DETAILS, ...CACHED_DETAILS], 'text_tokens'),
  ...within(OUTPUT_DETAILS, 'text_tokens', 'accepted_prediction_tokens', 'rejected_prediction_tokens'),
];

export const OPENAI: Shape = {
  recognises: (fields) =>
    fields.has('prompt_tokens', 'completion_tokens') ||
    (fields.has('input_tokens', 'output_tokens') &&
      (fields.has('total_tokens') || hasDetailsOfOpenAi(fields))),
  read: (fields, operation) => read(fields, operation),
};

export function hasDetailsOfOpenAi(fields: UsageFields): boolean {
  return [...INPUT_DETAILS, ...OUTPUT_DETAILS].some((group) => {
    const details = fields.usage[group];
    return details !== undefined && details !== null && !isOfAnthropic(details);
  });
}

/** Its answers have an `output_tokens_details` as well, with this field alone. */
function isOfAnthropic(details: unknown): boolean {
  return typeof details === 'object' && details !== null && 'thinking_tokens' in details;
}

function read(fields: UsageFields, operation: string): Read {
  const hasPrompt = fields.has('prompt_tokens');
  const prompt = fields.same('prompt_tokens', 'input_tokens');
  const completion = fields.same('completion_tokens', 'output_tokens');
  const total = fields.total('total_tokens');
  const cached = fields.same(...(hasPrompt ? CACHED_BESIDE_PROMPT : CACHED)) ?? 0;
  const written = fields.same(...(hasPrompt ? WRITTEN_BESIDE_PROMPT : WRITTEN)) ?? 0;
  const reasoning = fields.same(...REASONING) ?? 0;
  fields.ignore(...SAID_TWICE);
  checkCacheMisses(fields, { prompt, cached });
  checkSides({ prompt, completion, total, operation });
  const [ofPrompt, ofCompletion] = [prompt ?? 0, completion ?? 0];
  const isApart = reasoning > 0 && total === ofPrompt + ofCompletion + reasoning;
  checkTotal(total, [ofPrompt + ofCompletion + (isApart ? reasoning : 0)], 'total_tokens');
  const input = splitInput(
    {
      whole: ofPrompt,
      cached,
      cachedParts: cachedPartsOf(fields),
      written,
      parts: partsOf(fields, INPUT_PARTS),
    },
    hasPrompt ? 'prompt_tokens' : 'input_tokens',
  );
  const output = splitOutput(
    {
      whole: ofCompletion + (isApart ? reasoning : 0),
      reasoning,
      parts: outputPartsOf(fields, ofCompletion, operation),
    },
    fields.has('completion_tokens') ? 'completion_tokens' : 'output_tokens',
  );
  const seconds = fields.count('prompt_audio_seconds') ?? 0;
  const searches = fields.same('num_search_queries', 'server_tool_use.web_search_requests') ?? 0;
  fields.ignore('server_tool_use.web_fetch_requests', 'finish_reason');
  const quantities = added(input, output, { input_second: seconds, search: searches });
  return { quantities, serviceTier: fields.text('service_tier') };
}

/** DeepSeek counts what was read from the cache, and what was not. */
function checkCacheMisses(
  fields: UsageFields,
  { prompt, cached }: { prompt: number | null; cached: number },
): void {
  const missed = fields.count('prompt_cache_miss_tokens');
  if (missed !== null && prompt !== null && cached + missed !== prompt) {
    throw new UsageRefusal(
      'prompt_cache_miss_tokens',
      'must be prompt_tokens without prompt_cache_hit_tokens',
    );
  }
}

/** A side that is missing is none where the total says so, or where the operation has no other side. */
function checkSides(sides: {
  prompt: number | null;
  completion: number | null;
  total: number | null;
  operation: string;
}): void {
  const { prompt, completion, total, operation } = sides;
  if (prompt === null && completion === null) {
    throw new UsageRefusal('', 'must have prompt_tokens or input_tokens, completion_tokens or output_tokens');
  }
  if (prompt !== null && completion !== null) return;
  if (total === (prompt ?? completion) || isOneSided(operation)) return;
  const missing = prompt === null ? 'prompt_tokens or input_tokens' : 'completion_tokens or output_tokens';
  throw new UsageRefusal('', `must have ${missing} as well`);
}

function partsOf(fields: UsageFields, of: typeof INPUT_PARTS): ByModality {
  return {
    audio: fields.same(...of.audio) ?? 0,
    image: fields.same(...of.image) ?? 0,
    video: fields.same(...of.video) ?? 0,
  };
}

/** Where no details say what the answer is made of, the operation does. */
const ANSWERS: Readonly<Record<string, keyof ByModality>> = { images: 'image', 'audio.speech': 'audio' };

function outputPartsOf(fields: UsageFields, completion: number, operation: string): ByModality {
  const modality = ANSWERS[operation];
  const isSaid = OUTPUT_DETAILS.some((group) => fields.object(group) !== null);
  return modality === undefined || isSaid ? partsOf(fields, OUTPUT_PARTS) : { [modality]: completion };
}

function cachedPartsOf(fields: UsageFields): ByModality | null {
  const isSaid = CACHED_DETAILS.some((path) => fields.object(path) !== null);
  return isSaid ? partsOf(fields, CACHED_PARTS) : null;
}
