/**
 * Gemini's `usageMetadata`: the cached tokens are part of the prompt; tool use is more input, thoughts are more output; parts by modality.
 * https://ai.google.dev/api/generate-content#UsageMetadata
 */
import { added, checkTotal, splitInput, splitOutput, type ByModality } from './parts.js';
import type { Shape } from './shape.js';
import { UsageFields, UsageRefusal } from './usage-fields.js';

/** Documents are read as pictures of their pages. */
const MODALITIES: ReadonlyMap<string, keyof ByModality> = new Map([
  ['AUDIO', 'audio'],
  ['IMAGE', 'image'],
  ['DOCUMENT', 'image'],
  ['VIDEO', 'video'],
]);

const TRAFFIC_TIERS: ReadonlyMap<string, string> = new Map([
  ['ON_DEMAND', 'default'],
  ['ON_DEMAND_PRIORITY', 'priority'],
  ['ON_DEMAND_FLEX', 'flex'],
  ['PROVISIONED_THROUGHPUT', 'provisioned_throughput'],
]);

const OWN = [
  'promptTokenCount',
  'candidatesTokenCount',
  'responseTokenCount',
  'thoughtsTokenCount',
  'cachedContentTokenCount',
  'toolUsePromptTokenCount',
  'totalTokenCount',
];

export const GEMINI: Shape = {
  recognises: (fields) => fields.has(...OWN),
  read: (fields) => {
    const prompt = fields.count('promptTokenCount');
    const candidates = fields.same('candidatesTokenCount', 'responseTokenCount');
    const thoughts = fields.count('thoughtsTokenCount') ?? 0;
    const tools = fields.count('toolUsePromptTokenCount') ?? 0;
    const total = fields.total('totalTokenCount');
    const cached = fields.count('cachedContentTokenCount') ?? 0;
    const sum = (prompt ?? 0) + (candidates ?? 0) + thoughts + tools;
    const isOneSide = prompt === null || (candidates === null && thoughts === 0);
    if (isOneSide && total !== sum) {
      throw new UsageRefusal('', 'must have promptTokenCount and candidatesTokenCount');
    }
    checkTotal(total, [sum], 'totalTokenCount');
    const cachedParts = partsOf(fields, 'cacheTokensDetails');
    const input = splitInput(
      {
        whole: prompt ?? 0,
        cached,
        cachedParts: fields.has('cacheTokensDetails') ? cachedParts : null,
        parts: partsOf(fields, 'promptTokensDetails'),
      },
      'promptTokenCount',
    );
    const toolInput = splitInput(
      { whole: tools, parts: partsOf(fields, 'toolUsePromptTokensDetails') },
      'toolUsePromptTokenCount',
    );
    const parts = addedParts(
      partsOf(fields, 'candidatesTokensDetails'),
      partsOf(fields, 'responseTokensDetails'),
    );
    const output = splitOutput({ whole: candidates ?? 0, parts }, 'candidatesTokenCount');
    return {
      quantities: added(input, toolInput, output, { reasoning: thoughts }),
      serviceTier: tierOf(fields),
    };
  },
};

function tierOf(fields: UsageFields): string | null {
  const traffic = fields.text('trafficType');
  return (
    fields.text('serviceTier') ??
    (traffic === null ? null : (TRAFFIC_TIERS.get(traffic) ?? traffic.toLowerCase()))
  );
}

function partsOf(fields: UsageFields, path: string): ByModality {
  const sums = { audio: 0, image: 0, video: 0 };
  for (const [index, part] of fields.list(path).entries()) {
    const counts = new UsageFields(part);
    const modality = MODALITIES.get(counts.text('modality') ?? '');
    let tokens: number | null;
    try {
      tokens = counts.count('tokenCount');
    } catch {
      throw new UsageRefusal(`${path}.${index}.tokenCount`, 'must be a count');
    }
    if (modality !== undefined) sums[modality] += tokens ?? 0;
  }
  return sums;
}

function addedParts(a: ByModality, b: ByModality): ByModality {
  return {
    audio: (a.audio ?? 0) + (b.audio ?? 0),
    image: (a.image ?? 0) + (b.image ?? 0),
    video: (a.video ?? 0) + (b.video ?? 0),
  };
}

/**
 * Gemini behind its endpoint for OpenAI's clients: the completion leaves the thinking out, and only the total has it. Nothing but its
 * name tells it from a contradiction.
 * https://ai.google.dev/gemini-api/docs/openai
 */
export const GEMINI_OPENAI: Shape = {
  recognises: () => false,
  read: (fields) => {
    const prompt = fields.count('prompt_tokens');
    const completion = fields.count('completion_tokens') ?? 0;
    const total = fields.total('total_tokens');
    if (prompt === null || total === null)
      throw new UsageRefusal('', 'must have prompt_tokens and total_tokens');
    const thinking = total - prompt - completion;
    if (thinking < 0) throw new UsageRefusal('total_tokens', 'must not be less than its parts');
    const cached = fields.count('prompt_tokens_details.cached_tokens') ?? 0;
    fields.ignore('completion_tokens_details.reasoning_tokens');
    return {
      quantities: added(splitInput({ whole: prompt, cached }, 'prompt_tokens'), {
        output: completion,
        reasoning: thinking,
      }),
    };
  },
};
