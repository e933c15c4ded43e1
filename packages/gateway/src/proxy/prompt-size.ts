/** How large a request's input is, as far as its text tells. */
import type { Fields } from './answer-fields.js';

export interface PromptSize {
  /** Of the texts and token ids that the model reads. */
  readonly textBytes: number;
  /** Pictures, sounds, files or earlier answers: their tokens are not bounded by the request's bytes. */
  readonly hasMore: boolean;
}

/** Parameters that the model reads. */
const READ = [
  'messages',
  'input',
  'prompt',
  'suffix',
  'system',
  'instructions',
  'tools',
  'functions',
  'query',
  'documents',
  'text_1',
  'text_2',
  'response_format',
] as const;

/** Earlier answers, templates and files that the server has. */
const STORED = ['previous_response_id', 'conversation', 'prompt_id', 'mcp_servers', 'container'] as const;

/** What a part of a message is called that is not text. */
const MEDIA = /image|audio|video|file|document|media|item_reference/;

/** A vector stands for one token, which is what four bytes of text are. */
const BYTES_OF_VECTOR = 4;

/** At least one: a tensor that is written as text does not say how many vectors it has. */
function vectorCountOf(embeds: unknown): number {
  if (!Array.isArray(embeds)) return 1;
  if (embeds.every((item) => typeof item === 'number')) return 1;
  return embeds.reduce<number>((sum, item) => sum + vectorCountOf(item), 0);
}

/** The body is parsed and nests no deeper than `checkJsonBounds` allows: nothing in it is too deep to be measured. */
export function promptSizeOf(body: Fields): PromptSize {
  const size = { textBytes: 0, hasMore: STORED.some((name) => isGiven(body[name])) };
  // A stored prompt of OpenAI's is an object with an id; everywhere else a prompt is text or token ids.
  if (typeof body['prompt'] === 'object' && !Array.isArray(body['prompt']) && body['prompt'] !== null)
    size.hasMore = true;
  for (const name of READ) measure(body[name], size);
  // Embeddings of a prompt may be a sparse tensor: their bytes bound nothing.
  const embedded = isGiven(body['prompt_embeds']) ? vectorCountOf(body['prompt_embeds']) : 0;
  size.textBytes += embedded * BYTES_OF_VECTOR;
  if (embedded > 0) size.hasMore = true;
  return size;
}

function measure(value: unknown, size: { textBytes: number; hasMore: boolean }): void {
  if (typeof value === 'string') size.textBytes += Buffer.byteLength(value);
  // A token id, or a number in a tool's schema: about one token, which is what four bytes of text are.
  else if (typeof value === 'number') size.textBytes += 4;
  else if (Array.isArray(value)) for (const item of value) measure(item, size);
  else if (typeof value === 'object' && value !== null) {
    const { type } = value as Fields;
    if (typeof type === 'string' && MEDIA.test(type)) {
      size.hasMore = true;
      return;
    }
    for (const [name, field] of Object.entries(value)) {
      if (MEDIA_FIELDS.has(name)) size.hasMore = true;
      else measure(field, size);
    }
  }
}

/** A reranker takes pictures as fields without a type. */
const MEDIA_FIELDS = new Set(['image', 'image_url', 'input_audio', 'audio_url', 'video_url', 'file_data']);

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}
