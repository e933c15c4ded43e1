/** Tally's answers, checked where they arrive: what has another shape came from something else, such as a proxy in between. */
import type { LeaseAnswer, LeasePrice, LeaseReason } from './protocol/lease.js';
import { isUsd } from './protocol/money.js';
import type { Remaining, Reservation } from './protocol/reservation.js';
import type { UsageReceipt } from './protocol/usage-event.js';

/** Returns the value as it is. Throws a TypeError that names the first field that is wrong, such as `remaining.credits_usd`. */
export type Reader<T> = (value: unknown, field?: string) => T;

const text = reader((value) => typeof value === 'string');
const number: Reader<number> = reader((value) => typeof value === 'number');
const usd: Reader<string> = reader((value): value is string => typeof value === 'string' && isUsd(value));

export const readReservation = object<Reservation>({
  id: text,
  project: text,
  model: text,
  period: text,
  hold_usd: usd,
  expires_at: number,
  remaining: object<Remaining>({
    credits_usd: orNull(usd),
    project_cap_usd: orNull(usd),
    entity_cap_usd: orNull(usd),
  }),
});

export const readLeaseAnswer = object<LeaseAnswer>({
  sequence: number,
  granted_usd: usd,
  give_back_usd: usd,
  lifetime_ms: number,
  reason: orNull(text as Reader<LeaseReason>),
  prices: list(
    object<LeasePrice>({
      model: text,
      input_usd_per_million: usd,
      output_usd_per_million: usd,
      request_usd: optional(usd),
      input_tokens_default: number,
      output_tokens_default: number,
    }),
  ),
});

export const readReceipt = object<UsageReceipt>({
  accepted: number,
  rejected: list(object<UsageReceipt['rejected'][number]>({ index: number, code: text, message: text })),
});

function reader<T>(isRight: (value: unknown) => value is T): Reader<T> {
  return (value, field = 'the answer') => {
    if (!isRight(value)) throw new TypeError(`${field} is wrong or missing`);
    return value;
  };
}

/** Lets further fields through: a newer Tally may say more. */
function object<T>(readers: { readonly [K in keyof T]: Reader<T[K]> }): Reader<T> {
  const isObject = reader(
    (value): value is Record<string, unknown> => typeof value === 'object' && value !== null,
  );
  const fields = Object.entries<Reader<unknown>>(readers);
  return (value, field) => {
    const from = isObject(value, field);
    for (const [key, read] of fields) read(from[key], field === undefined ? key : `${field}.${key}`);
    return value as T;
  };
}

function list<T>(read: Reader<T>): Reader<readonly T[]> {
  const isList = reader((value): value is unknown[] => Array.isArray(value));
  return (value, field) => isList(value, field).map((item, index) => read(item, `${field}[${index}]`));
}

function optional<T>(read: Reader<T>): Reader<T | undefined> {
  return (value, field) => (value === undefined ? undefined : read(value, field));
}

function orNull<T>(read: Reader<T>): Reader<T | null> {
  return (value, field) => (value === null ? null : read(value, field));
}
