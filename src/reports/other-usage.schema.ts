/** The kinds of usage beside completions and embeddings, in OpenAI's shapes. */
import { z } from 'zod';
import {
  bracketed,
  bucketPage,
  bucketRange,
  bucketWidth,
  groupFields,
  idFilter,
  refineRange,
} from './buckets.schema.js';
import { USAGE_LIMITS } from './organization-usage.schema.js';

const range = {
  ...bucketRange(USAGE_LIMITS['1m'].most),
  bucket_width: bucketWidth.default('1d'),
  project_ids: idFilter,
};
const callers = { user_ids: idFilter, api_key_ids: idFilter };
const CALLERS = ['project_id', 'user_id', 'api_key_id'] as const;

type BucketFields = typeof range;

function query<T extends BucketFields>(fields: T) {
  const shown = z.strictObject(fields);
  const refined = shown.superRefine((value, context) =>
    refineRange(value as Parameters<typeof refineRange>[0], context as never, USAGE_LIMITS),
  );
  return bracketed(refined, shown);
}

export const ModelUsageQuery = query({
  ...range,
  ...callers,
  models: idFilter,
  group_by: groupFields('ModelGroup', [...CALLERS, 'model']),
});

/** No server reports an image's size or source, so a filter for one matches nothing and a group by one is null. */
export const ImagesQuery = query({
  ...range,
  ...callers,
  models: idFilter,
  sizes: idFilter,
  sources: idFilter,
  group_by: groupFields('ImagesGroup', [...CALLERS, 'model', 'size', 'source']),
});

/** The same of how much context a search took in. */
export const WebSearchesQuery = query({
  ...range,
  ...callers,
  models: idFilter,
  context_levels: idFilter,
  group_by: groupFields('WebSearchesGroup', [...CALLERS, 'model', 'context_level']),
});

export const FileSearchesQuery = query({
  ...range,
  ...callers,
  vector_store_ids: idFilter,
  group_by: groupFields('FileSearchesGroup', [...CALLERS, 'vector_store_id']),
});

export const ProjectUsageQuery = query({ ...range, group_by: groupFields('ProjectGroup', ['project_id']) });

const project = { project_id: z.string().nullable() };
const caller = { ...project, user_id: z.string().nullable(), api_key_id: z.string().nullable() };
const ofModel = { num_model_requests: z.int(), ...caller, model: z.string().nullable() };

function resultOf<T extends z.ZodRawShape>(name: string, fields: T) {
  return z.object({ object: z.literal(`organization.usage.${name}.result`), ...fields });
}

export const ModerationsPage = bucketPage(
  'ModerationsUsage',
  resultOf('moderations', { input_tokens: z.int(), ...ofModel }),
);
export const ImagesPage = bucketPage(
  'ImagesUsage',
  resultOf('images', {
    images: z.int(),
    ...ofModel,
    size: z.null().describe('No server reports it'),
    source: z.null().describe('No server reports it'),
  }),
);
export const SpeechesPage = bucketPage(
  'AudioSpeechesUsage',
  resultOf('audio_speeches', { characters: z.int(), ...ofModel }),
);
export const TranscriptionsPage = bucketPage(
  'AudioTranscriptionsUsage',
  resultOf('audio_transcriptions', { seconds: z.int(), ...ofModel }),
);
export const WebSearchesPage = bucketPage(
  'WebSearchesUsage',
  resultOf('web_searches', {
    num_requests: z.int().describe('Searches'),
    ...ofModel,
    num_model_requests: z.int().describe('At most so many requests searched'),
    context_level: z.null().describe('No server reports it'),
  }),
);
export const SessionsPage = bucketPage(
  'CodeInterpreterSessionsUsage',
  resultOf('code_interpreter_sessions', { num_sessions: z.int(), ...project }),
);
export const VectorStoresPage = bucketPage(
  'VectorStoresUsage',
  resultOf('vector_stores', { usage_bytes: z.int(), ...project }),
  { description: 'Tally stores nothing of the kind: the buckets are empty.' },
);
export const FileSearchesPage = bucketPage(
  'FileSearchesUsage',
  resultOf('file_searches', { num_requests: z.int(), ...caller, vector_store_id: z.string().nullable() }),
  { description: 'Tally counts nothing of the kind: the buckets are empty.' },
);
