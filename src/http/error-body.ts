/** Errors as callers see them: OpenAI's body, and the only table of HTTP statuses. */
import { HttpException } from '@nestjs/common';
import {
  ERROR_TYPES,
  INTERNAL_ERROR_MESSAGE,
  OVERLOADED_MESSAGE,
  type ErrorCode,
} from '@tally/client/protocol';
import { TallyError } from '../domain/errors.js';
import { sqlStateOf } from '../platform/postgres-errors.js';
import { isUnavailable } from '../platform/unavailable.js';

const STATUSES: Readonly<Record<ErrorCode, number>> = {
  invalid_request: 400,
  invalid_api_key: 401,
  insufficient_permissions: 403,
  not_found: 404,
  model_not_found: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  request_timeout: 408,
  conflict: 409,
  idempotency_key_in_use: 409,
  books_differ: 409,
  events_dropped: 410,
  precondition_failed: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  idempotency_key_reused: 422,
  insufficient_quota: 429,
  rate_limit_exceeded: 429,
  internal_error: 500,
  overloaded: 503,
};

const RETRY_AFTER = retryAfter(1);

const HEADERS: Partial<Readonly<Record<ErrorCode, Readonly<Record<string, string>>>>> = {
  invalid_api_key: { 'www-authenticate': 'Bearer' },
  insufficient_quota: { 'x-should-retry': 'false' },
  model_not_found: { 'x-should-retry': 'false' },
  rate_limit_exceeded: RETRY_AFTER,
  idempotency_key_in_use: RETRY_AFTER,
  overloaded: { 'retry-after': '1' },
};

/** Of 431, which Node answers by itself. */
export const HEADERS_TOO_LARGE = 'The request headers are too large';

/** SQLSTATEs of values that Postgres cannot store. A schema should have refused them. */
const UNSTORABLE = new Set(['22021', '22P05', '22003', '22007', '22008', '22P02']);

export type ErrorAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly error: Readonly<Record<string, unknown>> };
};

/** Turns anything that was thrown into an error with a code that a caller may see. */
export function toTallyError(thrown: unknown): TallyError {
  if (thrown instanceof TallyError) return thrown;
  if (thrown instanceof HttpException) return ofStatus(thrown.getStatus(), thrown);
  if (UNSTORABLE.has(sqlStateOf(thrown) ?? '')) {
    return new TallyError('invalid_request', 'The request holds a value that cannot be stored', {
      cause: thrown,
    });
  }
  if (isUnavailable(thrown)) {
    return new TallyError('overloaded', OVERLOADED_MESSAGE, { cause: thrown });
  }
  return ofStatus(thrown instanceof Error && 'statusCode' in thrown ? thrown.statusCode : 500, thrown);
}

export function answerTo(error: TallyError, settings: { quotaDeniedStatus: number }): ErrorAnswer {
  const denied = error.code === 'insufficient_quota';
  return {
    status: denied ? settings.quotaDeniedStatus : STATUSES[error.code],
    headers: {
      ...HEADERS[error.code],
      ...(error.retryAfterSeconds === null ? {} : retryAfter(error.retryAfterSeconds)),
      ...quotaHeaders(error),
    },
    body: {
      error: {
        message: error.message,
        type: ERROR_TYPES[error.code],
        param: error.param,
        code: error.code,
        ...(error.details === null ? {} : { details: error.details }),
        ...(error.existing === null ? {} : { existing: error.existing }),
      },
    },
  };
}

function retryAfter(seconds: number): Record<string, string> {
  return { 'retry-after': String(seconds), 'retry-after-ms': String(seconds * 1_000) };
}

/** For a gateway or a proxy that does not read bodies. */
function quotaHeaders({ details }: TallyError): Record<string, string> {
  const named = { 'x-quota-limit': details?.['limit'], 'x-quota-decision': details?.['decision_id'] };
  return Object.fromEntries(
    Object.entries(named).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
}

/** For requests that the framework refused before our code saw them. */
function ofStatus(status: unknown, cause: unknown): TallyError {
  const message = cause instanceof Error ? cause.message : '';
  if (status === 404)
    return new TallyError('not_found', `Unknown request URL: ${message.replace(/^Cannot /, '')}`, { cause });
  if (status === 413)
    return new TallyError('payload_too_large', 'The request body is larger than this call takes', { cause });
  if (status === 415) {
    return new TallyError(
      'unsupported_media_type',
      'The request body must be JSON: content-type application/json',
      { cause },
    );
  }
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new TallyError('invalid_request', message, { cause });
  return new TallyError('internal_error', INTERNAL_ERROR_MESSAGE, { cause });
}
