/**
 * What an event says beside identity, time, subject, model and usage. None of it refuses an event: what is too long or of another
 * type is cut or turned into text, and `mended` names it.
 */
import { ID_LENGTH_MAX, isPrintable, TEXT_LENGTH_MAX, USAGE_EVENT_TAGS_MAX } from '@tally/client/protocol';
import { canonicalTier, DEFAULT_TIER } from '../domain/service-tier.js';
import type { UsageEvent } from '../domain/usage.js';

const TAG_NAME_LENGTH_MAX = 64;
const SHORT_LENGTH_MAX = 64;
const ATTRIBUTES_MAX = 16;

/** Other usual words for the operations of OpenAI's API. */
const OPERATIONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'chat.completion': 'chat',
    'chat.completions': 'chat',
    chat_completion: 'chat',
    chat_completions: 'chat',
    'chat/completions': 'chat',
    messages: 'chat',
    generate_content: 'chat',
    completion: 'completions',
    text_completion: 'completions',
    text_completions: 'completions',
    response: 'responses',
    embedding: 'embeddings',
    text_embedding: 'embeddings',
    text_embeddings: 'embeddings',
    embed: 'embeddings',
    reranking: 'rerank',
    'audio.transcription': 'audio.transcriptions',
    audio_transcription: 'audio.transcriptions',
    audio_transcriptions: 'audio.transcriptions',
    'audio/transcriptions': 'audio.transcriptions',
    transcription: 'audio.transcriptions',
    transcriptions: 'audio.transcriptions',
    audio_speech: 'audio.speech',
    'audio/speech': 'audio.speech',
    speech: 'audio.speech',
    text_to_speech: 'audio.speech',
    image: 'images',
    image_generation: 'images',
    'images.generations': 'images',
    'images/generations': 'images',
    moderation: 'moderations',
    // LiteLLM's, for calls that it awaits.
    acompletion: 'chat',
    anthropic_messages: 'chat',
    agenerate_content: 'chat',
    generate_content_stream: 'chat',
    agenerate_content_stream: 'chat',
    atext_completion: 'completions',
    aresponses: 'responses',
    aembedding: 'embeddings',
    arerank: 'rerank',
    atranscription: 'audio.transcriptions',
    aspeech: 'audio.speech',
    aimage_generation: 'images',
    image_edit: 'images',
    aimage_edit: 'images',
    image_variation: 'images',
    aimage_variation: 'images',
    amoderation: 'moderations',
    arealtime: 'realtime',
    _arealtime: 'realtime',
  }),
);

export type Descriptive = Pick<
  UsageEvent,
  | 'operation'
  | 'serviceTier'
  | 'region'
  | 'attributes'
  | 'usageSource'
  | 'reservationId'
  | 'apiKeyId'
  | 'userId'
  | 'requestId'
  | 'tags'
  | 'mended'
>;

/** `inUsage` is what the usage itself says of tier, region and attributes: it counts where the event does not say. */
export function readDescriptive(
  data: Readonly<Record<string, unknown>>,
  inUsage: Readonly<{
    serviceTier: string | null;
    region: string | null;
    attributes: Readonly<Record<string, string>>;
  }>,
): Descriptive {
  const mended: string[] = [];
  const text = (name: string, lengthMax = TEXT_LENGTH_MAX): string | null =>
    textOf(data[name], lengthMax, () => mended.push(name));
  const texts = (name: string, limits: TextsLimits): Record<string, string> | null =>
    textsOf(data[name], limits, () => mended.push(name));
  const tier = text('service_tier', SHORT_LENGTH_MAX);
  const given = texts('attributes', ATTRIBUTE_LIMITS);
  return {
    operation: operationOf(text('operation', SHORT_LENGTH_MAX)),
    serviceTier: tier === null ? (inUsage.serviceTier ?? DEFAULT_TIER) : canonicalTier(tier),
    region: text('region', SHORT_LENGTH_MAX) ?? inUsage.region,
    attributes: attributesOf(inUsage.attributes, given),
    usageSource: usageSourceOf(data['usage_source'], () => mended.push('usage_source')),
    reservationId: text('reservation_id'),
    apiKeyId: text('api_key_id'),
    userId: text('user_id'),
    requestId: text('request_id', ID_LENGTH_MAX),
    tags: texts('tags', TAG_LIMITS),
    mended,
  };
}

function attributesOf(
  inUsage: Readonly<Record<string, string>>,
  given: Record<string, string> | null,
): Record<string, string> | null {
  for (const _ in inUsage) return { ...inUsage, ...given };
  return given;
}

export function operationOf(text: string | null): string {
  if (text === null) return 'chat';
  return OPERATIONS.get(text.toLowerCase()) ?? text;
}

function usageSourceOf(value: unknown, mend: () => void): UsageEvent['usageSource'] {
  if (value === 'estimated') return value;
  if (value !== 'reported' && value !== undefined && value !== null) mend();
  return 'reported';
}

/** An empty text counts as left out: some producers send one for what they do not know. */
function textOf(value: unknown, lengthMax: number, mend: () => void): string | null {
  if (value === undefined || value === null || value === '') return null;
  if (isText(value, lengthMax)) return value;
  mend();
  return printable(value, lengthMax);
}

function isText(value: unknown, lengthMax: number): value is string {
  return typeof value === 'string' && value !== '' && value.length <= lengthMax && isPrintable(value);
}

/** Text that Postgres can store and a person can read. */
function printable(value: unknown, lengthMax: number): string | null {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const readable = (text ?? '')
    .slice(0, lengthMax)
    .toWellFormed()
    .replace(/[\p{Cc}\u2028\u2029]/gu, '\ufffd');
  return readable === '' ? null : readable;
}

type TextsLimits = { readonly countMax: number; readonly nameLengthMax: number; readonly lengthMax: number };

const TAG_LIMITS: TextsLimits = {
  countMax: USAGE_EVENT_TAGS_MAX,
  nameLengthMax: TAG_NAME_LENGTH_MAX,
  lengthMax: TEXT_LENGTH_MAX,
};
const ATTRIBUTE_LIMITS: TextsLimits = {
  countMax: ATTRIBUTES_MAX,
  nameLengthMax: SHORT_LENGTH_MAX,
  lengthMax: SHORT_LENGTH_MAX,
};

/** Names and values are as they should be, and there are some: nothing is mended. */
function areTexts(value: object, limits: TextsLimits): value is Record<string, string> {
  let count = 0;
  for (const name in value) {
    const text: unknown = value[name as keyof typeof value];
    if (!isText(name, limits.nameLengthMax) || (text !== '' && !isText(text, limits.lengthMax))) return false;
    count += 1;
  }
  return count > 0 && count <= limits.countMax;
}

/** Names and values become text; what is beyond the limits is left out. */
function textsOf(value: unknown, limits: TextsLimits, mend: () => void): Record<string, string> | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'object' || Array.isArray(value)) {
    mend();
    return null;
  }
  if (areTexts(value, limits)) return value;
  const entries = Object.entries(value);
  const kept = new Map<string, string>();
  let isMended = entries.length > limits.countMax;
  const note = (): void => void (isMended = true);
  for (const [name, content] of entries.slice(0, limits.countMax)) {
    const key = textOf(name, limits.nameLengthMax, note);
    const text = content === '' ? '' : textOf(content, limits.lengthMax, note);
    if (key === null || text === null) note();
    else kept.set(key, text);
  }
  if (isMended) mend();
  return kept.size === 0 ? null : Object.fromEntries(kept);
}
