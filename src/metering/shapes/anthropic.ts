/**
 * Anthropic Messages: `input_tokens` are the uncached ones; what is read from a cache or written to it is counted apart. A compaction
 * leaves its own iteration out of the top level, and all iterations are billed.
 * https://docs.anthropic.com/en/api/messages, https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching
 */
import { outputTokensOf, promptTokensOf, type Quantities } from '../../domain/meters.js';
import { hasDetailsOfOpenAi } from './openai.js';
import { added, checkTotal, positive } from './parts.js';
import type { Shape } from './shape.js';
import { UsageFields, UsageRefusal } from './usage-fields.js';

const OWN = [
  'cache_read_input_tokens',
  'cache_creation_input_tokens',
  'cache_creation',
  'server_tool_use',
  'inference_geo',
  'iterations',
];

export const ANTHROPIC: Shape = {
  recognises: (fields) =>
    !fields.has('prompt_tokens', 'completion_tokens') &&
    (fields.has(...OWN) ||
      (fields.has('input_tokens', 'output_tokens') &&
        !fields.has('total_tokens') &&
        !hasDetailsOfOpenAi(fields))),
  read: (fields) => {
    const iterations = fields.list('iterations');
    const isCompacted = iterations.some(({ type }) => type === 'compaction');
    const top = readCounts(fields, '');
    const quantities = isCompacted
      ? added(...iterations.map((each, index) => readCounts(new UsageFields(each), `iterations.${index}.`)))
      : top;
    const searches = fields.count('server_tool_use.web_search_requests') ?? 0;
    // Fetches cost nothing beside their tokens.
    fields.ignore('server_tool_use.web_fetch_requests');
    const { input = 0, output = 0, reasoning = 0 } = top;
    checkTotal(
      fields.total('total_tokens'),
      [outputTokensOf(top) + promptTokensOf(top), input + output + reasoning],
      'total_tokens',
    );
    return {
      quantities: added(quantities, { search: searches }),
      serviceTier: fields.text('service_tier'),
      region: regionOf(fields.text('inference_geo')),
    };
  },
};

function readCounts(fields: UsageFields, path: string): Quantities {
  const input = fields.count('input_tokens');
  const output = fields.count('output_tokens');
  if (input === null || output === null)
    throw new UsageRefusal(path, 'must have input_tokens and output_tokens');
  const thinking =
    fields.same('output_tokens_details.thinking_tokens', 'output_tokens_details.reasoning_tokens') ?? 0;
  if (thinking > output)
    throw new UsageRefusal(`${path}output_tokens`, 'must not have more thinking_tokens than tokens');
  return positive({
    input,
    cached_input: fields.count('cache_read_input_tokens') ?? 0,
    ...writtenOf(fields, path),
    output: output - thinking,
    reasoning: thinking,
  });
}

function writtenOf(fields: UsageFields, path: string): Quantities {
  const all = fields.count('cache_creation_input_tokens');
  const short = fields.count('cache_creation.ephemeral_5m_input_tokens');
  const long = fields.count('cache_creation.ephemeral_1h_input_tokens');
  if (short === null && long === null) return { cache_write: all ?? 0 };
  const split = { cache_write: short ?? 0, cache_write_1h: long ?? 0 };
  const sum = split.cache_write + split.cache_write_1h;
  if (all !== null && sum !== all) {
    throw new UsageRefusal(`${path}cache_creation`, 'must add up to cache_creation_input_tokens');
  }
  return split;
}

function regionOf(geo: string | null): string | null {
  return geo === null || geo === 'global' || geo === 'not_available' ? null : geo;
}
