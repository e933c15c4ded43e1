/** Validates usage: a CloudEvents 1.0 JSON object becomes a usage event, or is refused with a reason. Nothing checks it again after this. */
import {
  ID_LENGTH_MAX,
  isPrintable,
  TEXT_LENGTH_MAX,
  USAGE_EVENT_AHEAD_MS_MAX,
  USAGE_EVENT_BACK_MS_MAX,
  USAGE_EVENT_TYPE,
  type UsageRefusalCode,
} from '@tally/client/protocol';
import { z } from 'zod';
import { parseSubject } from '../domain/ids.js';
import { SUBJECT_PATTERN } from '../http/fields.js';
import type { UsageEvent } from '../domain/usage.js';
import { withDataRead } from './cloudevents-binding.js';
import { operationOf, readDescriptive } from './descriptive-fields.js';
import { expectationOf } from '../http/expectations.js';
import { SUBJECT_LENGTH_MAX, usualEnvelope, type Envelope } from './usual-envelope.js';
import { readable } from './well-formed.js';
import { readUsage, USAGE_FORMATS, usageFormatOf } from './shapes/read-usage.js';

export type EventReading =
  | { readonly ok: true; readonly event: UsageEvent }
  | {
      readonly ok: false;
      readonly code: UsageRefusalCode;
      /** Names the field and what was expected. */
      readonly message: string;
      /** What is known of the event all the same, so that it can be found. */
      readonly source: string | null;
      readonly id: string | null;
      readonly entity: string | null;
      readonly project: string | null;
    };

/** Text that Postgres can store and a person can read: no control characters, no broken surrogates. */
function text(lengthMax: number) {
  return z
    .string()
    .min(1)
    .max(lengthMax)
    .refine(isPrintable, { error: 'must not contain control characters or broken Unicode' });
}

/** Where the usage object itself cannot say it. */
export const usageFormat = z.enum(USAGE_FORMATS).meta({ id: 'UsageFormat' });

const envelope = z
  .object({
    specversion: z.literal('1.0'),
    id: text(ID_LENGTH_MAX),
    source: text(TEXT_LENGTH_MAX),
    type: text(TEXT_LENGTH_MAX),
    subject: text(SUBJECT_LENGTH_MAX).meta({ pattern: SUBJECT_PATTERN.source }),
    time: z.iso.datetime({ offset: true }),
    // What else it says never refuses it: descriptive-fields.ts.
    data: z
      .looseObject({
        model: text(TEXT_LENGTH_MAX),
        usage: z.record(z.string(), z.unknown()).meta({ id: 'RawUsage' }),
        usage_format: usageFormat.nullish(),
      })
      .meta({ id: 'UsageEventData' }),
  })
  .meta({ id: 'UsageEvent', description: 'A CloudEvents 1.0 JSON object: what one request used.' });

/** For the OpenAPI document. Events are validated by `parseEvent`. */
export const usageEventSchema = envelope;

/**
 * How much older than accepted an event may be for having waited in the queue. Identities and months are kept for a day longer, so
 * a producer whose clock is wrong can bring no event that would be counted twice.
 */
const QUEUED_MS_MAX = 6 * 24 * 3_600_000;

/**
 * Validates one event, whose time must lie near `at`, Postgres' time. What waited in the queue since `addedAtMs`, by the producer's
 * clock, is not held against it; a producer may also say nothing that is a time. Never throws.
 */
export function parseEvent(json: unknown, at: Date, addedAtMs = at.getTime()): EventReading {
  const waitedMs = Number.isFinite(addedAtMs)
    ? Math.min(Math.max(at.getTime() - addedAtMs, 0), QUEUED_MS_MAX)
    : 0;
  try {
    return parse(json, at, waitedMs);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // No JSON of one event exhausts the stack but one that is nested thousands of levels deep.
    return refuse(json, 'invalid_event', 'must not be nested so deep');
  }
}

/**
 * An attribute of an event whose reporter was told over HTTP that its time is out of range. It stays refused even if its time comes into
 * range while it waits in the queue, for its reporter may have mended the time and sent it again.
 */
const OUT_OF_TIME = 'tallyoutoftime';

export function markedOutOfTime(event: unknown): unknown {
  return { ...(event as object), [OUT_OF_TIME]: true };
}

/** As it was reported, so that a replay compares its time with the clock again. */
export function withoutMark(event: unknown): unknown {
  if (!isOutOfTime(event)) return event;
  return Object.fromEntries(Object.entries(event).filter(([name]) => name !== OUT_OF_TIME));
}

function isOutOfTime(event: unknown): event is object {
  return typeof event === 'object' && event !== null && Object.hasOwn(event, OUT_OF_TIME);
}

function parse(json: unknown, at: Date, waitedMs: number): EventReading {
  const read = usualEnvelope(json) ?? envelopeOf(withDataRead(json));
  if (typeof read === 'string') return refuse(json, 'invalid_event', read);
  const { data: body, occurredAt, type, subject: subjectText, source, id } = read;
  if (type !== USAGE_EVENT_TYPE) return refuse(json, 'unknown_type', `type must be "${USAGE_EVENT_TYPE}"`);
  const subject = parseSubject(subjectText);
  if (subject === null)
    return refuse(json, 'invalid_subject', 'subject must be "entity/project", each of A-Z a-z 0-9 . _ -');
  const ageMs = at.getTime() - occurredAt.getTime();
  const isOut = ageMs < -USAGE_EVENT_AHEAD_MS_MAX || ageMs - waitedMs > USAGE_EVENT_BACK_MS_MAX;
  if (isOut || isOutOfTime(json)) {
    return refuse(json, 'time_out_of_range', 'time must lie at most 5 minutes ahead and 35 days back');
  }
  const operation = operationOf(typeof body['operation'] === 'string' ? body['operation'] : null);
  const reading = readUsage(body.usage, {
    operation,
    format: body.usage_format ? usageFormatOf(body.usage_format) : null,
  });
  if (!reading.ok) {
    const field = reading.field === '' ? 'data.usage' : `data.usage.${reading.field}`;
    return refuse(json, 'invalid_tokens', `${field} ${reading.message}`);
  }
  const { quantities, unread } = reading.reading;
  const said = readDescriptive(body, reading.reading);
  return {
    ok: true,
    // Field by field, because a spread would take a third of the time of all this.
    event: {
      source,
      id,
      entity: subject.entity,
      project: subject.project,
      occurredAt,
      model: body.model,
      operation: said.operation,
      quantities,
      serviceTier: said.serviceTier,
      region: said.region,
      attributes: said.attributes,
      unread,
      rawUsage: unread.length === 0 ? null : storableUsage(body.usage),
      mended: said.mended,
      usageSource: said.usageSource,
      reservationId: said.reservationId,
      apiKeyId: said.apiKeyId,
      userId: said.userId,
      requestId: said.requestId,
      tags: said.tags,
    },
  };
}

/** The most that is kept of a usage object with unread fields, as JSON. */
const RAW_USAGE_LENGTH_MAX = 16_384;

/** Postgres stores no NUL and no lone surrogate in JSON; `JSON.stringify` writes both as escapes. */
function storableUsage(usage: object): object | null {
  const json = JSON.stringify(usage).replaceAll(/\\u(?:0000|d[89a-f][0-9a-f]{2})/gi, '\\ufffd');
  return json.length > RAW_USAGE_LENGTH_MAX ? null : JSON.parse(json);
}

/** What an envelope is, or what is wrong with this one. */
export function envelopeOf(json: unknown): Envelope | string {
  const parsed = envelope.safeParse(json, { error: expectationOf });
  if (parsed.success) {
    const { id, source, type, subject, time, data } = parsed.data;
    return { id, source, type, subject, occurredAt: new Date(time), data };
  }
  const { issues } = parsed.error;
  return issues
    .slice(0, PROBLEMS_SHOWN_MAX)
    .map((issue) => `${issue.path.join('.') || 'event'}: ${issue.message}`)
    .join('; ');
}

/** Each field at fault is one, but data that is nested may have more. */
const PROBLEMS_SHOWN_MAX = 10;

/** A message may name fields that the producer made up. */
const MESSAGE_LENGTH_MAX = 1_000;

function refuse(json: unknown, code: UsageRefusalCode, message: string): EventReading {
  const record = typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
  const subject = typeof record['subject'] === 'string' ? parseSubject(record['subject']) : null;
  return {
    ok: false,
    code,
    message: readable(message, MESSAGE_LENGTH_MAX),
    source: storable(record['source'], TEXT_LENGTH_MAX),
    id: storable(record['id'], ID_LENGTH_MAX),
    entity: subject?.entity ?? null,
    project: subject?.project ?? null,
  };
}

function storable(value: unknown, lengthMax: number): string | null {
  return typeof value === 'string' && isPrintable(value) ? value.slice(0, lengthMax) : null;
}
