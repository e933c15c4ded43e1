/** What one request used, as the CloudEvent that Tally takes from the queue and over HTTP. */

export interface UsageEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: 'ai.inference.usage.v1';
  readonly subject: string;
  readonly time: string;
  readonly data: {
    readonly model: string;
    readonly operation: string;
    readonly usage: TokenUsage;
    readonly reservation_id?: string;
    readonly api_key_id?: string;
    readonly user_id?: string;
    readonly request_id?: string;
    readonly usage_source: UsageSource;
    readonly tags?: Readonly<Record<string, string>>;
  };
}

/** The object that the model server returned, untouched: in OpenAI's chat, embeddings or Responses shape. */
export type TokenUsage = object;

/** `estimated` for a stream that was cut before the model could say what it used. */
export type UsageSource = 'reported' | 'estimated';

export interface UsageFacts {
  /** Unique for its source. The same id again is the same event, so a retry must repeat it. */
  id: string;
  source: string;
  /** `entity/project` */
  project: string;
  time: Date;
  model: string;
  operation: 'chat' | 'completion' | 'embeddings' | 'responses';
  usage: TokenUsage;
  usageSource?: UsageSource;
  reservationId?: string;
  apiKeyId?: string;
  userId?: string;
  requestId?: string;
  tags?: Readonly<Record<string, string>>;
}

/** Fields that are left out stay out of the JSON, so that the same facts always make the same event. */
export function usageEvent(facts: UsageFacts): UsageEvent {
  return {
    specversion: '1.0',
    id: facts.id,
    source: facts.source,
    type: 'ai.inference.usage.v1',
    subject: facts.project,
    time: facts.time.toISOString(),
    data: {
      model: facts.model,
      operation: facts.operation,
      usage: facts.usage,
      ...(facts.reservationId !== undefined && { reservation_id: facts.reservationId }),
      ...named('api_key_id', facts.apiKeyId),
      ...named('user_id', facts.userId),
      ...named('request_id', facts.requestId),
      usage_source: facts.usageSource ?? 'reported',
      ...(facts.tags !== undefined && { tags: facts.tags }),
    },
  };
}

const NAME_LENGTH_MAX = 256;

/** Whom it names may be any text of a caller's. Tally refuses an event for such a text, and what it refuses is never charged. */
function named(field: 'api_key_id' | 'user_id' | 'request_id', text = ''): Record<string, string> {
  const name = text
    .slice(0, NAME_LENGTH_MAX)
    .toWellFormed()
    .replace(/\p{Cc}/gu, '\ufffd');
  return name === '' ? {} : { [field]: name };
}
