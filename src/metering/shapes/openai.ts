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
import { isObject, UsageRefusal, type UsageFields } from './usage-fields.js';

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

const modalitiesIn = (groups: readonly string[]) => ({
  audio: within(groups, 'audio_tokens'),
  image: within(groups, 'image_tokens'),
  video: within(groups, 'video_tokens'),
});

/** Where the parts of a prompt stand, given the objects that the usage has. */
function promptPaths(groups: readonly string[]) {
  const ofCache = within(groups, 'cached_tokens_details');
  const cached = [
    ...within(groups, 'cached_tokens', 'cache_read_tokens'),
    'cached_tokens',
    'num_cached_tokens',
    'prompt_cache_hit_tokens',
  ];
  const written = within(groups, 'cache_write_tokens', 'cache_creation_tokens');
  return {
    cached,
    written,
    // LiteLLM repeats Anthropic's names beside a prompt that includes them.
    cachedBesidePrompt: [...cached, 'cache_read_input_tokens'],
    writtenBesidePrompt: [...written, 'cache_creation_input_tokens', 'cache_write_tokens'],
    parts: modalitiesIn(groups),
    // LiteLLM says how much of what was written is kept for an hour.
    writtenLong: within(groups, 'cache_creation_token_details.ephemeral_1h_input_tokens'),
    saidOfWritten: within(groups, 'cache_creation_token_details.ephemeral_5m_input_tokens'),
    cachedDetails: ofCache,
    cachedParts: modalitiesIn(ofCache),
    // Text is what is left.
    saidTwice: within([...groups, ...ofCache], 'text_tokens'),
  };
}

function answerPaths(groups: readonly string[]) {
  return {
    reasoning: [...within(groups, 'reasoning_tokens'), 'reasoning_tokens'],
    parts: modalitiesIn(groups),
    // Predictions are in the output already.
    saidTwice: within(groups, 'text_tokens', 'accepted_prediction_tokens', 'rejected_prediction_tokens'),
  };
}

/** By the groups that a usage has: nearly all have the same. */
function byGroups<Paths>(
  groups: readonly string[],
  make: (groups: readonly string[]) => Paths,
): (fields: UsageFields) => Paths {
  const made = new Map<number, Paths>();
  return (fields) => {
    let present = 0;
    for (const [index, group] of groups.entries()) if (fields.has(group)) present |= 1 << index;
    let paths = made.get(present);
    if (paths === undefined) {
      paths = make(groups.filter((_group, index) => (present & (1 << index)) !== 0));
      made.set(present, paths);
    }
    return paths;
  };
}

const promptPathsOf = byGroups(INPUT_DETAILS, promptPaths);
const answerPathsOf = byGroups(OUTPUT_DETAILS, answerPaths);

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
  const inPrompt = promptPathsOf(fields);
  const inAnswer = answerPathsOf(fields);
  const cached = fields.same(...(hasPrompt ? inPrompt.cachedBesidePrompt : inPrompt.cached)) ?? 0;
  const written = fields.same(...(hasPrompt ? inPrompt.writtenBesidePrompt : inPrompt.written)) ?? 0;
  const reasoning = fields.same(...inAnswer.reasoning) ?? 0;
  const writtenLong = fields.same(...inPrompt.writtenLong) ?? 0;
  fields.ignore(...inPrompt.saidTwice, ...inPrompt.saidOfWritten, ...inAnswer.saidTwice);
  checkCacheMisses(fields, { prompt, cached });
  checkSides({ prompt, completion, total, operation });
  const [ofPrompt, ofCompletion] = [prompt ?? 0, completion ?? 0];
  const isApart = reasoning > 0 && total === ofPrompt + ofCompletion + reasoning;
  checkTotal(total, [ofPrompt + ofCompletion + (isApart ? reasoning : 0)], 'total_tokens');
  const input = splitInput(
    {
      whole: ofPrompt,
      cached,
      cachedParts: cachedPartsOf(fields, inPrompt),
      written,
      writtenLong,
      parts: partsOf(fields, inPrompt.parts),
    },
    hasPrompt ? 'prompt_tokens' : 'input_tokens',
  );
  const output = splitOutput(
    {
      whole: ofCompletion + (isApart ? reasoning : 0),
      reasoning,
      parts: outputPartsOf(fields, inAnswer.parts, { completion: ofCompletion, operation }),
    },
    fields.has('completion_tokens') ? 'completion_tokens' : 'output_tokens',
  );
  // Mistral sends an empty object where a request has no audio.
  const seconds = isObject(fields.usage['prompt_audio_seconds'])
    ? 0
    : (fields.count('prompt_audio_seconds') ?? 0);
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

type ModalityPaths = ReturnType<typeof modalitiesIn>;

function partsOf(fields: UsageFields, of: ModalityPaths): ByModality {
  return {
    audio: fields.same(...of.audio) ?? 0,
    image: fields.same(...of.image) ?? 0,
    video: fields.same(...of.video) ?? 0,
  };
}

/** Where no details say what the answer is made of, the operation does. */
const ANSWERS: ReadonlyMap<string, keyof ByModality> = new Map([
  ['images', 'image'],
  ['audio.speech', 'audio'],
]);

function outputPartsOf(
  fields: UsageFields,
  of: ModalityPaths,
  { completion, operation }: { completion: number; operation: string },
): ByModality {
  const modality = ANSWERS.get(operation);
  return modality === undefined || of.audio.length > 0 ? partsOf(fields, of) : { [modality]: completion };
}

function cachedPartsOf(fields: UsageFields, of: ReturnType<typeof promptPaths>): ByModality | null {
  const isSaid = of.cachedDetails.some((path) => fields.object(path) !== null);
  return isSaid ? partsOf(fields, of.cachedParts) : null;
}
