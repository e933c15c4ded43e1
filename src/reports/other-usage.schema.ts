/** The kinds of usage beside completions and embeddings, in OpenAI's shapes. */
import { z } from 'zod';
import { bracketed, bucketPage, bucketRange, groupFields, idFilter, refineRange } from './buckets.schema.js';
import { USAGE_LIMITS } from './organization-usage.schema.js';

const range = {
  ...bucketRange,
  bucket_width: z.enum(['1m', '1h', '1d'], 'must be 1m, 1h or 1d').default('1d'),
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
  group_by: groupFields([...CALLERS, 'model']),
});

/** No server reports an image's size or source, so a filter for one matches nothing and a group by one is null. */
export const ImagesQuery = query({
  ...range,
  ...callers,
  models: idFilter,
  sizes: idFilter,
  sources: idFilter,
  group_by: groupFields([...CALLERS, 'model', 'size', 'source']),
});

/** The same of how much context a search took in. */
export const WebSearchesQuery = query({
  ...range,
  ...callers,
  models: idFilter,
  context_levels: idFilter,
  group_by: groupFields([...CALLERS, 'model', 'context_level']),
});

export const FileSearchesQuery = query({
  ...range,
  ...callers,
  vector_store_ids: idFilter,
  group_by: groupFields([...CALLERS, 'vector_store_id']),
});

export const ProjectUsageQuery = query({ ...range, group_by: groupFields(['project_id']) });

const project = { project_id: z.string().nullable() };
const caller = { ...project, user_id: z.string().nullable(), api_key_id: z.string().nullable() };
const ofModel = { num_model_requests: z.int(), ...caller, model: z.string().nullable() };

function resultOf<T extends z.ZodRawShape>(name: string, fields: T) {
  return z.object({ object: z.literal(`organization.usage.${name}.result`), ...fields });
}

export const ModerationsPage = bucketPage(
  resultOf('moderations', { input_tokens: z.int(), ...ofModel }),
).meta({ id: 'ModerationsUsage' });
export const ImagesPage = bucketPage(
  resultOf('images', {
    images: z.int(),
    ...ofModel,
    size: z.null().describe('No server reports it'),
    source: z.null().describe('No server reports it'),
  }),
).meta({ id: 'ImagesUsage' });
export const SpeechesPage = bucketPage(resultOf('audio_speeches', { characters: z.int(), ...ofModel })).meta({
  id: 'AudioSpeechesUsage',
});
export const TranscriptionsPage = bucketPage(
  resultOf('audio_transcriptions', { seconds: z.int(), ...ofModel }),
).meta({ id: 'AudioTranscriptionsUsage' });
export const WebSearchesPage = bucketPage(
  resultOf('web_searches', {
    num_requests: z.int().describe('Searches'),
    ...ofModel,
    num_model_requests: z.int().describe('At most so many requests searched'),
    context_level: z.null().describe('No server reports it'),
  }),
).meta({ id: 'WebSearchesUsage' });
export const SessionsPage = bucketPage(
  resultOf('code_interpreter_sessions', { num_sessions: z.int(), ...project }),
).meta({ id: 'CodeInterpreterSessionsUsage' });
export const VectorStoresPage = bucketPage(
  resultOf('vector_stores', { usage_bytes: z.int(), ...project }),
).meta({ id: 'VectorStoresUsage', description: 'Tally stores nothing of the kind: the buckets are empty.' });
export const FileSearchesPage = bucketPage(
  resultOf('file_searches', { num_requests: z.int(), ...caller, vector_store_id: z.string().nullable() }),
).meta({ id: 'FileSearchesUsage', description: 'Tally counts nothing of the kind: the buckets are empty.' });
