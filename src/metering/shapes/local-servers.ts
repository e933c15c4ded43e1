/** Servers that people run themselves, in their own formats. */
import { added, checkTotal, positive, splitInput, splitOutput } from './parts.js';
import { isOneSided, type Shape } from './shape.js';
import { UsageRefusal } from './usage-fields.js';

/**
 * https://github.com/ollama/ollama/blob/main/docs/api.md: `prompt_eval_count` is left out where all of the prompt was cached.
 */
export const OLLAMA: Shape = {
  recognises: (fields) => fields.has('prompt_eval_count', 'eval_count'),
  read: (fields, operation) => {
    const prompt = fields.count('prompt_eval_count');
    const answer = fields.count('eval_count');
    fields.ignore('context');
    if (answer === null && !isOneSided(operation)) throw new UsageRefusal('', 'must have eval_count');
    return { quantities: positive({ input: prompt ?? 0, output: answer ?? 0 }) };
  },
};

/** https://github.com/ggml-org/llama.cpp/tree/master/tools/server: `prompt_n` was evaluated, `cache_n` was read from the cache. */
export const LLAMA_CPP: Shape = {
  recognises: (fields) => fields.has('prompt_n', 'predicted_n'),
  read: (fields, operation) => {
    const prompt = fields.count('prompt_n');
    const answer = fields.count('predicted_n');
    if (prompt === null || (answer === null && !isOneSided(operation))) {
      throw new UsageRefusal('', 'must have prompt_n and predicted_n');
    }
    const cached = fields.count('cache_n') ?? 0;
    fields.ignore('draft_n', 'draft_n_accepted');
    return { quantities: positive({ input: prompt, cached_input: cached, output: answer ?? 0 }) };
  },
};

/** https://huggingface.github.io/text-generation-inference/#/Text%20Generation%20Inference/generate: `prefill` lists the prompt's tokens. */
export const TGI: Shape = {
  recognises: (fields) => fields.has('generated_tokens'),
  read: (fields) => {
    const output = fields.count('generated_tokens') ?? 0;
    const { prefill } = fields.usage;
    fields.ignore('prefill', 'tokens', 'best_of_sequences', 'top_tokens', 'seed');
    const input =
      fields.same('input_length', 'prompt_tokens') ??
      (Array.isArray(prefill) && prefill.length > 0 ? prefill.length : null);
    if (input === null)
      throw new UsageRefusal(
        'prefill',
        'must list the tokens of the prompt (details, decoder_input_details)',
      );
    return { quantities: positive({ input, output }) };
  },
};

/** https://lmstudio.ai/docs/developer/rest */
export const LM_STUDIO: Shape = {
  recognises: (fields) => fields.has('total_output_tokens'),
  read: (fields) => {
    const input = fields.same('input_tokens', 'prompt_tokens');
    const output = fields.count('total_output_tokens') ?? 0;
    if (input === null) throw new UsageRefusal('', 'must have input_tokens');
    const reasoning = fields.count('reasoning_output_tokens') ?? 0;
    checkTotal(fields.total('total_tokens'), [input + output], 'total_tokens');
    return {
      quantities: added(
        splitInput({ whole: input, cached: fields.count('cached_tokens') ?? 0 }, 'input_tokens'),
        splitOutput({ whole: output, reasoning }, 'total_output_tokens'),
      ),
    };
  },
};
