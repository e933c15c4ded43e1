/**
 * Reads by hand what zod reads in event-validation.ts, for what most producers send: the fields as the contract shows them, and a time in
 * UTC. Anything else is null, and zod decides and says what is wrong; what is read here zod would read the same.
 */
import { ID_LENGTH_MAX, isPrintable, TEXT_LENGTH_MAX } from '@tally/client/protocol';

export const SUBJECT_LENGTH_MAX = 257;

/** What is left to check: that the type, the subject, the age and the usage are ones that can be counted. */
export type Envelope = {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly occurredAt: Date;
  readonly data: EventData;
};

type EventData = {
  readonly [field: string]: unknown;
  readonly model: string;
  readonly usage: Fields;
  readonly usage_format?: string | null | undefined;
};

type Fields = Readonly<Record<string, unknown>>;

export function usualEnvelope(json: unknown): Envelope | null {
  if (!isUsualObject(json)) return null;
  const { specversion, id, source, type, subject, data } = json;
  if (specversion !== '1.0' || !isText(id, ID_LENGTH_MAX) || !isText(source) || !isText(type)) return null;
  const occurredAt = usualTime(json['time']);
  if (occurredAt === null || !isText(subject, SUBJECT_LENGTH_MAX)) return null;
  return isUsualData(data) ? { id, source, type, subject, occurredAt, data } : null;
}

function isUsualData(data: unknown): data is EventData {
  if (!isUsualObject(data)) return false;
  const { model, usage, usage_format: format } = data;
  return isText(model) && isUsualObject(usage) && (format === undefined || format === null);
}

/** JSON may have a field of this name, which zod leaves out. */
function isUsualObject(value: unknown): value is Fields {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !Object.hasOwn(value, '__proto__')
  );
}

function isText(value: unknown, lengthMax = TEXT_LENGTH_MAX): value is string {
  return typeof value === 'string' && value !== '' && value.length <= lengthMax && isPrintable(value);
}

/** As JavaScript and most languages write it, with milliseconds or without. The 29th of February is left to zod, which has a calendar. */
const USUAL_TIME =
  /^\d{4}-(?:02-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:0[1-9]|[12]\d|30)|(?:0[13578]|1[02])-31)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3})?Z$/;

/** A third of the time that `new Date(text)` takes. */
function usualTime(text: unknown): Date | null {
  if (typeof text !== 'string' || !USUAL_TIME.test(text)) return null;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  // Date.UTC takes these for years of the 20th century.
  if (year < 100) return null;
  const [month, day] = [twoDigits(text, 5) - 1, twoDigits(text, 8)];
  const [hour, minute, second] = [twoDigits(text, 11), twoDigits(text, 14), twoDigits(text, 17)];
  const ms = text.length === WITH_MS_LENGTH ? twoDigits(text, 20) * 10 + digit(text, 22) : 0;
  return new Date(Date.UTC(year, month, day, hour, minute, second, ms));
}

const WITH_MS_LENGTH = '2026-11-22T19:59:22.123Z'.length;

function twoDigits(text: string, at: number): number {
  return digit(text, at) * 10 + digit(text, at + 1);
}

function digit(text: string, at: number): number {
  return text.charCodeAt(at) - ZERO;
}

const ZERO = '0'.charCodeAt(0);
