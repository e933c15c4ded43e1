/** The one error that the client throws: Tally could not be reached, or it refused what it was asked. */

export class TallyClientError extends Error {
  override readonly name = 'TallyClientError';
  /** Tally's own error code, or the client's: `unreachable`, `unreadable` or `outbox_` with full, closed, locked, damaged. */
  readonly code: string;
  /** The HTTP status of Tally's answer; null when there was none. */
  readonly status: number | null;

  constructor(code: string, message: string, details: { status?: number; cause?: unknown } = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.status = details.status ?? null;
  }
}
