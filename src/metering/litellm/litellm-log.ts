/**
 * What one request used, out of LiteLLM's log of it (its StandardLoggingPayload:
 * https://docs.litellm.ai/docs/proxy/logging_spec). LiteLLM logs failures and answers out of its own cache as well; nobody pays for these.
 */
import { createHash } from 'node:crypto';
import { USAGE_EVENT_TYPE, type UsageRefusalCode } from '@tally/client/protocol';
import { isObject } from '../shapes/usage-fields.js';
import type { Kept } from './log-records.js';
import { filledSubject, METADATA_FIELDS } from './subject-template.js';

/** Everything else, and so each conversation, is dropped unread. */
export const KEPT: Kept = {
  ...kept('id', 'litellm_call_id', 'call_type', 'cache_hit', 'status', 'startTime', 'endTime'),
  ...kept('model', 'model_group', 'end_user'),
  metadata: kept(...METADATA_FIELDS, 'usage_object'),
  response: kept('usage', 'service_tier'),
  error_information: kept('error_code'),
  // Fields by which foreign-logs.ts recognises the logs of other programs.
  ...kept('specversion', 'type', 'source', 'eventType'),
  event: kept('transaction_id', 'external_subscription_id'),
};

export type LeftOut = 'cache_hit' | 'failure';

export type LogReading =
  /** `note` says why the event will be refused with this code, where the event cannot say it. */
  | {
      readonly kind: 'event';
      readonly event: Record<string, unknown>;
      readonly note: { readonly code: UsageRefusalCode; readonly message: string } | null;
    }
  | { readonly kind: 'left_out'; readonly id: string | null; readonly reason: LeftOut }
  | { readonly kind: 'refused'; readonly id: string | null; readonly code: string; readonly message: string };

export type LogSettings = {
  readonly subject: string;
  /** Of all logs that the key reports. It says nothing of the proxy, since the same log may come through two. */
  readonly source: string;
  /** What the operator calls the proxy, or null. */
  readonly proxy: string | null;
};

type Log = Readonly<Record<string, unknown>>;

export function isLitellmLog(record: unknown): record is Log {
  return isObject(record) && 'litellm_call_id' in record && 'call_type' in record;
}

/** The event is validated like any other, so wrong values pass as LiteLLM sent them. */
export function readLog(log: Log, { subject: template, source, proxy }: LogSettings): LogReading {
  const id = textIn(log['litellm_call_id']);
  if (log['status'] !== 'success') return { kind: 'left_out', id, reason: 'failure' };
  if (log['cache_hit'] === true || log['cache_hit'] === 'True')
    return { kind: 'left_out', id, reason: 'cache_hit' };
  const [metadata, response] = [objectIn(log['metadata']), objectIn(log['response'])];
  const usages = [response['usage'], metadata['usage_object']].filter(isObject);
  const usage = usages.find((each) => hasCount(each)) ?? usages[0];
  const isUncounted = !FREE_CALLS.has(String(log['call_type'])) && usage !== undefined && !hasCount(usage);
  const { subject, missing } = filledSubject(template, { metadata, end_user: log['end_user'] });
  const event = {
    specversion: '1.0',
    id: eventId(log),
    source,
    type: USAGE_EVENT_TYPE,
    subject,
    time: timeOf(log['endTime']),
    data: {
      // What the caller asked for; `model` is what LiteLLM calls behind it.
      model: textIn(log['model_group']) ?? log['model'],
      operation: operationOf(log['call_type']),
      usage: isUncounted ? undefined : usage,
      usage_source: wasHungUp(log) ? 'estimated' : 'reported',
      request_id: id,
      api_key_id: metadata['user_api_key_hash'],
      user_id: textIn(log['end_user']) ?? metadata['user_api_key_user_id'],
      service_tier: textIn(response['service_tier']),
      ...(proxy !== null && { tags: { [PROXY_TAG]: proxy } }),
    },
  };
  if (isUncounted) return { kind: 'event', event, note: UNCOUNTED };
  return { kind: 'event', event, note: missing === null ? null : withoutField(missing) };
}

/** Which tag of an event names the proxy. */
const PROXY_TAG = 'litellm_proxy';

/** The `call_type`s of calls that nobody charges. Zeros of any other are no usage: what it costs is not known. */
const FREE_CALLS: ReadonlySet<string> = new Set(['moderation', 'amoderation']);

/**
 * LiteLLM logs zeros where a server tells no usage, such as of a stream of `/v1/completions` that nobody asked for it, and for calls whose
 * usage it does not read, such as those that it passes through.
 */
const UNCOUNTED = {
  code: 'invalid_event',
  message:
    'LiteLLM counted nothing in an answer that it passed on, so nothing can be charged: set always_include_stream_usage: true in the ' +
    'general_settings of its proxy, and see that the model server reports usage',
} as const;

function hasCount(usage: Log, isTop = true): boolean {
  return Object.values(usage).some(
    (value) =>
      (typeof value === 'number' && value > 0) || (isTop && isObject(value) && hasCount(value, false)),
  );
}

/**
 * The caller may choose `litellm_call_id`, for embeddings it is `id` as well, and `id` repeats where a server repeats its own. The time when
 * the request began is LiteLLM's.
 */
function eventId(log: Log): string {
  const facts = JSON.stringify([log['litellm_call_id'], log['id'], log['startTime']]);
  return `litellm-${createHash('sha256').update(facts).digest('hex').slice(0, 40)}`;
}

/** Unix seconds with a fraction. Anything else passes as it is, and is refused as the event's time. */
function timeOf(seconds: unknown): unknown {
  if (typeof seconds !== 'number') return seconds;
  // To the millisecond, as all times of events are.
  const date = new Date(Math.round(seconds * 1000));
  return Number.isNaN(date.getTime()) ? seconds : date.toISOString();
}

/** LiteLLM calls a chat `completion`; descriptive-fields.ts knows its other words. */
function operationOf(callType: unknown): unknown {
  return callType === 'completion' ? 'chat' : callType;
}

/** Whether the caller hung up: then LiteLLM counted the tokens of the chunks itself. */
function wasHungUp(log: Log): boolean {
  const code = objectIn(log['error_information'])['error_code'];
  return code === '499' || code === 499;
}

function withoutField(field: string): { code: 'invalid_subject'; message: string } {
  const message =
    `the log has no ${field}, which the subject asks for: give the key one in LiteLLM, or write {${field}|NAME} in the query's subject to ` +
    `say who pays for logs without it. Replay the dead letter with a subject`;
  return { code: 'invalid_subject', message };
}

function kept(...names: string[]): Kept {
  return Object.fromEntries(names.map((name) => [name, true]));
}

function objectIn(value: unknown): Log {
  return isObject(value) ? value : {};
}

function textIn(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
