/**
 * The one error class. An error names the field and what was expected; its codes are the protocol's, and the HTTP
 * status of a code is known to the error filter alone.
 */
import type { ErrorCode } from '@tally/client/protocol';

export class TallyError extends Error {
  readonly code: ErrorCode;
  /** The field at fault, as the caller wrote it (`data.usage.prompt_tokens`), or null. */
  readonly param: string | null;
  /** What a person needs beside the message; part of the error body. */
  readonly details: Readonly<Record<string, unknown>> | null;
  /** Of a conflict: the id of what is there already. */
  readonly existing: string | null;
  /** When to try again, where it is not the code's usual second. */
  readonly retryAfterSeconds: number | null;

  constructor(
    code: ErrorCode,
    message: string,
    extra: {
      param?: string;
      details?: Record<string, unknown>;
      existing?: string;
      retryAfterSeconds?: number;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: extra.cause });
    this.name = 'TallyError';
    this.code = code;
    this.param = extra.param ?? null;
    this.details = extra.details ?? null;
    this.existing = extra.existing ?? null;
    this.retryAfterSeconds = extra.retryAfterSeconds ?? null;
  }
}

/** A broken assumption of ours, never a caller's mistake. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
