/** Usage that is one number: seconds of audio, tokens of a reranker or an embedder, pages of a document. */
import { isMeter, METERS } from '../../domain/meters.js';
import { positive } from './parts.js';
import { isOneSided, type Shape } from './shape.js';
import { UsageRefusal } from './usage-fields.js';

/** https://platform.openai.com/docs/api-reference/audio/json-object: transcriptions that are billed by their length. */
export const DURATION: Shape = {
  recognises: (fields) => fields.usage['type'] === 'duration',
  read: (fields) => {
    const seconds = fields.count('seconds');
    if (seconds === null) throw new UsageRefusal('seconds', 'must be a whole number of seconds');
    return { quantities: positive({ input_second: seconds }) };
  },
};

/** https://docs.mistral.ai/capabilities/document_ai/basic_ocr */
export const PAGES: Shape = {
  recognises: (fields) => fields.has('pages_processed'),
  read: (fields) => {
    fields.ignore('doc_size_bytes');
    return { quantities: positive({ page: fields.count('pages_processed') ?? 0 }) };
  },
};

/** https://docs.voyageai.com/reference/reranker-api, https://jina.ai/reranker: all tokens are input. */
export const TOTAL_ALONE: Shape = {
  recognises: (fields, operation) =>
    isOneSided(operation) &&
    fields.has('total_tokens') &&
    !fields.has('prompt_tokens', 'completion_tokens', 'input_tokens', 'output_tokens'),
  read: (fields) => {
    fields.ignore('text_tokens');
    return { quantities: positive({ input: fields.total('total_tokens') ?? 0 }) };
  },
};

/** Rerankers that are billed by the search. */
export const SEARCH_UNITS: Shape = {
  recognises: (fields) => fields.has('search_units'),
  read: (fields) => ({ quantities: positive({ query: fields.count('search_units') ?? 0 }) }),
};

/** Speech that is billed by its text: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api */
export const CHARACTERS: Shape = {
  recognises: (fields) => fields.has('characters', 'character_count', 'billableCharacterCount'),
  read: (fields) => ({
    quantities: positive({
      input_character: fields.same('characters', 'character_count', 'billableCharacterCount') ?? 0,
    }),
  }),
};

/** Pictures that are billed one by one: https://www.alibabacloud.com/help/en/model-studio/text-to-image-v2-api-reference */
export const IMAGES: Shape = {
  recognises: (fields) => fields.has('image_count'),
  read: (fields) => ({ quantities: positive({ image: fields.count('image_count') ?? 0 }) }),
};

/** Tally's own form, by its name only: meters and their quantities, for what no server reports by itself. */
export const METERS_BY_NAME: Shape = {
  recognises: () => false,
  read: (fields) => {
    const named = Object.keys(fields.usage).filter((name) => isMeter(name) && name !== 'request');
    if (named.length === 0) throw new UsageRefusal('', `must have one of ${METERS.join(', ')}`);
    return { quantities: positive(Object.fromEntries(named.map((name) => [name, fields.count(name) ?? 0]))) };
  },
};
