/** The calls that a gateway passes on, and what each of them is to Tally. Nothing else is passed on, because nothing else is metered. */
import type { UsageOperation } from '@tally/client';

export interface Endpoint {
  /** Below `/v1`. */
  readonly path: string;
  readonly operation: UsageOperation;
  /** Whether the server may send it a chunk with the usage at the end of a stream, if it is asked to by `stream_options`. */
  readonly hasStreamOptions: boolean;
  /** Whether it writes tokens, which a request may limit. */
  readonly generates: boolean;
}

const endpoint = (path: string, operation: UsageOperation, more: Partial<Endpoint> = {}): Endpoint => ({
  path,
  operation,
  hasStreamOptions: false,
  generates: false,
  ...more,
});

export const ENDPOINTS: readonly Endpoint[] = [
  endpoint('/chat/completions', 'chat', { hasStreamOptions: true, generates: true }),
  endpoint('/completions', 'completions', { hasStreamOptions: true, generates: true }),
  endpoint('/responses', 'responses', { generates: true }),
  endpoint('/messages', 'chat', { generates: true }),
  endpoint('/embeddings', 'embeddings'),
  endpoint('/rerank', 'rerank'),
  endpoint('/audio/transcriptions', 'audio.transcriptions'),
  endpoint('/audio/translations', 'audio.transcriptions'),
  endpoint('/audio/speech', 'audio.speech'),
  endpoint('/images/generations', 'images'),
  endpoint('/images/edits', 'images'),
  endpoint('/images/variations', 'images'),
];
