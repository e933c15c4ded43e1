/** What one request used: a CloudEvents 1.0 object, the same on the queue and over HTTP. */
import { ID_LENGTH_MAX, TEXT_LENGTH_MAX } from './names.js';
import type { TraceContext } from './trace-context.js';

export const USAGE_EVENT_TYPE = 'ai.inference.usage.v1';

/** In one HTTP report, and in one job of the queue. */
export const USAGE_EVENTS_MAX = 1_000;

/** How far an event's time may lie from when Tally reads it: 5 minutes ahead, 35 days back. */
export const USAGE_EVENT_AHEAD_MS_MAX = 5 * 60_000;
export const USAGE_EVENT_BACK_MS_MAX = 35 * 24 * 3_600_000;

export const USAGE_EVENT_TAGS_MAX = 32;

/** The most tokens of one kind in one request. */
export const TOKENS_MAX = 2 ** 31 - 1;

/** With the trace that it belongs to, as CloudEvents' extension for distributed tracing has it. */
export interface UsageEvent extends Partial<TraceContext> {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: typeof USAGE_EVENT_TYPE;
  /** `entity/project` */
  readonly subject: string;
  /** RFC 3339 */
  readonly time: string;
  readonly data: {
    readonly model: string;
    readonly operation: string;
    readonly usage: TokenUsage;
    readonly usage_format?: string;
    readonly service_tier?: string;
    readonly region?: string;
    readonly attributes?: Readonly<Record<string, string>>;
    readonly reservation_id?: string;
    readonly api_key_id?: string;
    readonly user_id?: string;
    readonly request_id?: string;
    readonly usage_source: UsageSource;
    readonly tags?: Readonly<Record<string, string>>;
  };
}

/** The object that the model server returned, untouched: in any shape that Tally reads, such as OpenAI's, Anthropic's or Gemini's. */
export type TokenUsage = object;

/** `estimated` for a stream that was cut before the model could say what it used. */
export type UsageSource = 'reported' | 'estimated';

/** What a request does, in Tally's words; `completion` is another word for `completions`. */
export type UsageOperation =
  | 'chat'
  | 'completion'
  | 'completions'
  | 'responses'
  | 'embeddings'
  | 'rerank'
  | 'moderations'
  | 'audio.transcriptions'
  | 'audio.speech'
  | 'images'
  | 'realtime';

/** What an event says. Texts have 1 to 256 characters, ids of events and requests up to 1,024, without control characters. */
export interface UsageFacts {
  /** Unique for its source. The same id again is the same event, so a retry must repeat it. */
  id: string;
  /** Which gateway reports it, such as `/gateways/eu-1`. */
  source: string;
  /** `entity/project` */
  project: string;
  /** When the request ran: at most 5 minutes ahead of Tally's clock and 35 days behind it. */
  time: Date;
  model: string;
  operation: UsageOperation;
  usage: TokenUsage;
  /** Names the shape of `usage` where its own fields do not tell, such as `gemini_openai`. */
  usageFormat?: string;
  /** The tier that served the request, such as `flex`: 1 to 64 characters. When left out, what `usage` says, or the default. */
  serviceTier?: string;
  /** Where the request was served: 1 to 64 characters. */
  region?: string;
  /** What else the price depends on, such as `{ resolution: '1080p' }`: at most 16, names and values of 1 to 64 characters. */
  attributes?: Readonly<Record<string, string>>;
  /** `reported` when left out. */
  usageSource?: UsageSource;
  /** Ends the hold of that reservation when the event is booked. */
  reservationId?: string;
  /** Names the caller's key in reports; never the key itself. Cut to 256 characters, as the next two are. */
  apiKeyId?: string;
  userId?: string;
  requestId?: string;
  /** At most 32. Names have 1 to 64 characters, values at most 256. */
  tags?: Readonly<Record<string, string>>;
  /** The trace that Tally continues when it books the event, where it sends traces. */
  trace?: TraceContext;
}

/** Fields that are left out stay out of the JSON, so that the same facts always make the same event. */
export function usageEvent(facts: UsageFacts): UsageEvent {
  return {
    specversion: '1.0',
    id: facts.id,
    source: facts.source,
    type: USAGE_EVENT_TYPE,
    subject: facts.project,
    time: facts.time.toISOString(),
    ...(facts.trace !== undefined && { traceparent: facts.trace.traceparent }),
    ...(facts.trace?.tracestate !== undefined && { tracestate: facts.trace.tracestate }),
    data: {
      model: facts.model,
      operation: facts.operation,
      usage: facts.usage,
      ...(facts.usageFormat !== undefined && { usage_format: facts.usageFormat }),
      ...(facts.serviceTier !== undefined && { service_tier: facts.serviceTier }),
      ...(facts.region !== undefined && { region: facts.region }),
      ...(facts.attributes !== undefined && { attributes: facts.attributes }),
      ...(facts.reservationId !== undefined && { reservation_id: facts.reservationId }),
      ...callerText('api_key_id', facts.apiKeyId),
      ...callerText('user_id', facts.userId),
      ...callerText('request_id', facts.requestId),
      usage_source: facts.usageSource ?? 'reported',
      ...(facts.tags !== undefined && { tags: facts.tags }),
    },
  };
}

/** Callers may send any text as these. Tally would refuse the event for a bad one, and its usage would never be charged. */
function callerText(field: 'api_key_id' | 'user_id' | 'request_id', text = ''): Record<string, string> {
  const printable = text
    .slice(0, field === 'request_id' ? ID_LENGTH_MAX : TEXT_LENGTH_MAX)
    .toWellFormed()
    .replace(/\p{Cc}/gu, '\ufffd');
  return printable === '' ? {} : { [field]: printable };
}

/** Tally's answer to a report over HTTP. */
export interface UsageReceipt {
  readonly accepted: number;
  /** Events that Tally refuses for good; `index` is their place in the report. */
  readonly rejected: readonly { readonly index: number; readonly code: string; readonly message: string }[];
}

/** Why Tally refuses an event, beside `insufficient_permissions` for an entity that the key may not report for. */
export type UsageRefusalCode =
  'invalid_event' | 'unknown_type' | 'invalid_subject' | 'invalid_tokens' | 'time_out_of_range';
