/** Tally's error codes, and the body in which an error reaches a caller. It is OpenAI's, so official clients raise the right exception. */

/** Each code and the `type` beside it. */
export const ERROR_TYPES = {
  invalid_request: 'invalid_request_error',
  invalid_api_key: 'invalid_request_error',
  insufficient_permissions: 'invalid_request_error',
  not_found: 'invalid_request_error',
  model_not_found: 'invalid_request_error',
  method_not_allowed: 'invalid_request_error',
  not_acceptable: 'invalid_request_error',
  request_timeout: 'invalid_request_error',
  conflict: 'invalid_request_error',
  books_differ: 'server_error',
  events_dropped: 'invalid_request_error',
  precondition_failed: 'invalid_request_error',
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

export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    /** The field at fault, or null. */
    readonly param: string | null;
    /** Null in some errors that a gateway writes itself. */
    readonly code: string | null;
    /** Of a denial: which limit, how much of it is spent and held, and until when. */
    readonly details?: Readonly<Record<string, unknown>>;
  };
}

/** What goes with the code `overloaded`, in OpenAI's words. */
export const OVERLOADED_MESSAGE = 'The engine is currently overloaded, please try again later';
export const INTERNAL_ERROR_MESSAGE = 'The server had an error while processing your request';
