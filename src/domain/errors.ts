/**
 * The one error class and the one table of codes. An error names the field and what was expected; the HTTP
 * status of a code is known to the error filter alone.
 */

export const ERROR_TYPES = {
  invalid_request: 'invalid_request_error',
  invalid_api_key: 'invalid_request_error',
  insufficient_permissions: 'invalid_request_error',
  not_found: 'invalid_request_error',
  conflict: 'invalid_request_error',
  idempotency_key_reused: 'invalid_request_error',
  idempotency_key_in_use: 'invalid_request_error',
  payload_too_large: 'invalid_request_error',
  unsupported_media_type: 'invalid_request_error',
  insufficient_quota: 'insufficient_quota',
  rate_limit_exceeded: 'requests',
  overloaded: 'server_error',
  internal_error: 'server_error',
} as const;

export type ErrorCode = keyof typeof ERROR_TYPES;

export class TallyError extends Error {
  readonly code: ErrorCode;
  /** The field at fault, as the caller wrote it (`data.usage.prompt_tokens`), or null. */
  readonly param: string | null;
  /** What a person needs to see beside the message; printed inside the error body. */
  readonly details: Readonly<Record<string, unknown>> | null;

  constructor(
    code: ErrorCode,
    message: string,
    extra: { param?: string; details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, { cause: extra.cause });
    this.name = 'TallyError';
    this.code = code;
    this.param = extra.param ?? null;
    this.details = extra.details ?? null;
  }
}

/** A broken assumption of ours, never a caller's mistake. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
