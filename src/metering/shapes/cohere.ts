/**
 * Cohere: the billed units count; `tokens` are what the model saw, and are not billed.
 * https://docs.cohere.com/reference/chat, https://docs.cohere.com/reference/rerank
 */
import { positive } from './parts.js';
import type { Shape } from './shape.js';
import { UsageRefusal } from './usage-fields.js';

const UNITS = ['input_tokens', 'output_tokens', 'search_units', 'classifications', 'images', 'image_tokens'];

export const COHERE: Shape = {
  recognises: (fields) => fields.has('billed_units'),
  read: (fields) => {
    const units = fields.object('billed_units') ?? {};
    if (!UNITS.some((unit) => units[unit] !== undefined && units[unit] !== null)) {
      throw new UsageRefusal('billed_units', 'must have a unit that is billed');
    }
    const count = (unit: string) => fields.count(`billed_units.${unit}`) ?? 0;
    fields.ignore('tokens', 'cached_tokens', 'api_version');
    return {
      quantities: positive({
        input: count('input_tokens'),
        input_image: count('image_tokens'),
        output: count('output_tokens'),
        query: count('search_units') + count('classifications'),
        image: count('images'),
      }),
    };
  },
};
