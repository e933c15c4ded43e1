/**
 * What frameworks make of a server's usage. All of them count the cached tokens within the input, under names of their own.
 * LangChain: https://docs.langchain.com/oss/python/langchain/messages#token-usage (`usage_metadata`)
 * pydantic-ai: https://ai.pydantic.dev/api/usage/ (`RequestUsage`, `RunUsage`)
 * Vercel's AI SDK: https://ai-sdk.dev/docs/reference/ai-sdk-core/generate-text (`LanguageModelUsage` of version 6)
 */
import { added, checkTotal, splitInput, splitOutput } from './parts.js';
import type { Read, Shape } from './shape.js';
import { isObject, UsageRefusal, type UsageFields } from './usage-fields.js';

/** OpenAI's tiers, by which LangChain counts apart what such a tier served: `priority_cache_read`. */
const TIERS = ['priority', 'flex'] as const;
type Tier = (typeof TIERS)[number];

const LANGCHAIN_INPUT = [
  'cache_read',
  'cache_creation',
  'audio',
  'ephemeral_5m_input_tokens',
  'ephemeral_1h_input_tokens',
];
const LANGCHAIN_OUTPUT = ['reasoning', 'audio'];

export const LANGCHAIN: Shape = {
  recognises: (fields) =>
    fields.has('input_tokens') &&
    (hasOneOf(fields.usage['input_token_details'], LANGCHAIN_INPUT) ||
      hasOneOf(fields.usage['output_token_details'], LANGCHAIN_OUTPUT)),
  read: (fields) => {
    const tier = tierOf(fields);
    const prefix = tier === null ? '' : `${tier}_`;
    const ofInput = (name: string): number => fields.count(`input_token_details.${name}`) ?? 0;
    const ofOutput = (name: string): number => fields.count(`output_token_details.${name}`) ?? 0;
    if (tier !== null) {
      // What is left of the whole.
      fields.ignore(`input_token_details.${tier}`, `output_token_details.${tier}`);
    }
    const long = ofInput('ephemeral_1h_input_tokens');
    const sides = bothSides(fields, 'input_tokens', 'output_tokens', 'total_tokens');
    const input = splitInput(
      {
        whole: sides.input,
        cached: ofInput(`${prefix}cache_read`) + (tier === null ? 0 : ofInput('cache_read')),
        written: ofInput('cache_creation') + ofInput('ephemeral_5m_input_tokens') + long,
        writtenLong: long,
        parts: { audio: ofInput('audio') },
      },
      'input_tokens',
    );
    const output = splitOutput(
      {
        whole: sides.output,
        reasoning: ofOutput(`${prefix}reasoning`) + (tier === null ? 0 : ofOutput('reasoning')),
        parts: { audio: ofOutput('audio') },
      },
      'output_tokens',
    );
    return { quantities: added(input, output), serviceTier: tier };
  },
};

/** Two tiers in one object are the sum of several requests, which no price can take apart. */
function tierOf(fields: UsageFields): Tier | null {
  const details = ['input_token_details', 'output_token_details'].flatMap((name) =>
    Object.keys(fields.object(name) ?? {}),
  );
  const found = TIERS.filter((tier) => details.some((name) => name === tier || name.startsWith(`${tier}_`)));
  if (found.length > 1)
    throw new UsageRefusal('input_token_details', 'must be of one request, not a sum of several tiers');
  return found[0] ?? null;
}

export const PYDANTIC_AI: Shape = {
  recognises: (fields) =>
    fields.has('input_tokens', 'output_tokens') &&
    !fields.has('prompt_tokens', 'completion_tokens') &&
    fields.has(
      'cache_read_tokens',
      'cache_write_tokens',
      'cache_audio_read_tokens',
      'input_audio_tokens',
      'tool_calls',
    ),
  read: (fields) => {
    const sides = bothSides(fields, 'input_tokens', 'output_tokens', 'total_tokens');
    if ((fields.count('unmeasured_requests') ?? 0) > 0)
      throw new UsageRefusal('unmeasured_requests', 'must be 0: of these requests nobody knows the usage');
    const requests = fields.count('requests') ?? 1;
    if (requests > 1)
      throw new UsageRefusal(
        'requests',
        'must be 1: report each request of a run, since each has a price of its own',
      );
    // Its tools are the application's own; what `details` repeats is counted already.
    fields.ignore(
      'tool_calls',
      ...['text', 'audio', 'cached', 'input', 'output'].map((name) => `details.${name}_tokens`),
    );
    fields.ignore(...['cache_read_input', 'cache_creation_input'].map((name) => `details.${name}_tokens`));
    fields.ignore('details.accepted_prediction_tokens', 'details.rejected_prediction_tokens');
    const cachedAudio = fields.count('cache_audio_read_tokens') ?? 0;
    const input = splitInput(
      {
        whole: sides.input,
        cached: fields.count('cache_read_tokens') ?? 0,
        cachedParts: cachedAudio === 0 ? null : { audio: cachedAudio },
        written: fields.count('cache_write_tokens') ?? 0,
        writtenLong: fields.count('cache_write_1h_tokens') ?? 0,
        parts: { audio: fields.count('input_audio_tokens') ?? 0 },
      },
      'input_tokens',
    );
    const reasoning =
      fields.same('output_reasoning_tokens', 'details.reasoning_tokens', 'details.thoughts_tokens') ?? 0;
    const audio = fields.count('output_audio_tokens') ?? 0;
    return {
      quantities: added(
        input,
        splitOutput({ whole: sides.output, reasoning, parts: { audio } }, 'output_tokens'),
      ),
    };
  },
};

export const AI_SDK: Shape = {
  recognises: (fields) =>
    fields.has('inputTokens', 'outputTokens') &&
    (fields.has('cachedInputTokens', 'reasoningTokens', 'inputTokenDetails', 'outputTokenDetails') ||
      isObject(fields.usage['inputTokens'])),
  read: (fields) => (isObject(fields.usage['inputTokens']) ? readOfProvider(fields) : readOfSdk(fields)),
};

function readOfSdk(fields: UsageFields): Read {
  const sides = bothSides(fields, 'inputTokens', 'outputTokens', 'totalTokens');
  const { cached, written } = cacheOfSdk(fields, sides.input);
  // The same once more, as the server sent it.
  fields.ignore('raw', 'outputTokenDetails.textTokens');
  const reasoning = fields.same('outputTokenDetails.reasoningTokens', 'reasoningTokens') ?? 0;
  return {
    quantities: added(
      splitInput({ whole: sides.input, cached, written }, 'inputTokens'),
      splitOutput({ whole: sides.output, reasoning }, 'outputTokens'),
    ),
  };
}

/** Before version 6 its providers disagreed whether `inputTokens` include the cached ones; from then on the details say it. */
function cacheOfSdk(fields: UsageFields, input: number): { cached: number; written: number } {
  const cached = fields.same('inputTokenDetails.cacheReadTokens', 'cachedInputTokens') ?? 0;
  const written = fields.count('inputTokenDetails.cacheWriteTokens') ?? 0;
  const rest = fields.count('inputTokenDetails.noCacheTokens');
  if (cached > 0 && !isObject(fields.usage['inputTokenDetails']))
    throw new UsageRefusal(
      'cachedInputTokens',
      "must stand beside inputTokenDetails, because providers of version 5 disagree whether inputTokens include it: send the server's own usage",
    );
  if (rest !== null && rest + cached + written !== input)
    throw new UsageRefusal('inputTokenDetails', 'must add up to inputTokens');
  return { cached, written };
}

/** As its providers answer: `{ total, noCache, cacheRead, cacheWrite }`. */
function readOfProvider(fields: UsageFields): Read {
  fields.ignore('raw', 'inputTokens.noCache', 'outputTokens.text');
  const sides = bothSides(fields, 'inputTokens.total', 'outputTokens.total', 'totalTokens');
  const cached = fields.count('inputTokens.cacheRead') ?? 0;
  const written = fields.count('inputTokens.cacheWrite') ?? 0;
  const reasoning = fields.count('outputTokens.reasoning') ?? 0;
  return {
    quantities: added(
      splitInput({ whole: sides.input, cached, written }, 'inputTokens.total'),
      splitOutput({ whole: sides.output, reasoning }, 'outputTokens.total'),
    ),
  };
}

function bothSides(
  fields: UsageFields,
  ...[inputName, outputName, totalName]: [string, string, string]
): { input: number; output: number } {
  const input = fields.count(inputName);
  const output = fields.count(outputName);
  const total = fields.total(totalName);
  if (input === null || (output === null && total !== input))
    throw new UsageRefusal('', `must have ${inputName} and ${outputName}`);
  checkTotal(total, [input + (output ?? 0)], totalName);
  return { input, output: output ?? 0 };
}

function hasOneOf(details: unknown, names: readonly string[]): boolean {
  return (
    isObject(details) &&
    Object.keys(details).some(
      (name) => names.includes(name.replace(/^(priority|flex)_/, '')) || TIERS.includes(name as Tier),
    )
  );
}

/**
 * Names under which nobody says how many tokens were cached, so that they would be charged as new; and OpenTelemetry's, whose instrumentations
 * disagree whether the input includes them, and leave out streams that were cut.
 */
const REFUSED: readonly (readonly [RegExp, string])[] = [
  [
    /^(gen_ai|llm)\./,
    "must be the server's own usage, not OpenTelemetry's attributes: these leave out cached tokens",
  ],
  [/^(promptTokens|completionTokens)$/, "must be the server's own usage: promptTokens say no cached tokens"],
  [/^(request|response)_tokens$/, "must be the server's own usage: request_tokens say no cached tokens"],
];

/** Throws where the usage has the names of one that cannot be charged right. */
export function refuseByName({ usage }: UsageFields): void {
  for (const name of Object.keys(usage)) {
    const refused = REFUSED.find(([pattern]) => pattern.test(name));
    if (refused !== undefined && typeof usage[name] === 'number') throw new UsageRefusal('', refused[1]);
  }
}
