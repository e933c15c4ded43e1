/**
 * Perplexity: citations are input beside the prompt, searches are counted, and the reasoning of deep research is beside the completion.
 * https://docs.perplexity.ai/api-reference/chat-completions-post
 */
import { added, checkTotal, positive } from './parts.js';
import type { Shape } from './shape.js';
import { UsageRefusal } from './usage-fields.js';

export const PERPLEXITY: Shape = {
  recognises: (fields) =>
    fields.has('prompt_tokens', 'completion_tokens') &&
    fields.has('citation_tokens', 'num_search_queries', 'search_context_size'),
  read: (fields) => {
    const prompt = fields.count('prompt_tokens');
    const completion = fields.count('completion_tokens');
    if (prompt === null || completion === null) {
      throw new UsageRefusal('', 'must have prompt_tokens and completion_tokens');
    }
    const citations = fields.count('citation_tokens') ?? 0;
    const reasoning = fields.count('reasoning_tokens') ?? 0;
    const size = fields.text('search_context_size');
    const allOf = [citations, reasoning].reduce(
      (sums, more) => sums.flatMap((sum) => [sum, sum + more]),
      [prompt + completion],
    );
    checkTotal(fields.total('total_tokens'), allOf, 'total_tokens');
    const quantities = positive({
      output: completion,
      reasoning,
      search: fields.count('num_search_queries') ?? 0,
    });
    return {
      quantities: added({ input: prompt }, { input: citations }, quantities),
      ...(size !== null && { attributes: { search_context_size: size } }),
    };
  },
};
