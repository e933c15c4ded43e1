/** The one error that the client throws: Tally could not be reached, it refused what it was asked, or the outbox cannot keep an event. */
import type { ErrorCode } from './protocol/errors.js';
import type { UsageRefusalCode } from './protocol/usage-event.js';

/**
 * Tally's own codes, and the client's: `unreachable` (no answer within the timeout), `unreadable` (an answer that is not
 * Tally's), and for the outbox `outbox_full`, `outbox_closed`, `outbox_locked` (another process uses the directory) and
 * `outbox_damaged` (a file cannot be read). A newer Tally may send others.
 */
export type TallyClientErrorCode =
  | ErrorCode
  | UsageRefusalCode
  | 'unreachable'
  | 'unreadable'
  | 'outbox_full'
  | 'outbox_closed'
  | 'outbox_locked'
  | 'outbox_damaged';

export class TallyClientError extends Error {
  override readonly name = 'TallyClientError';
  readonly code: TallyClientErrorCode | (string & {});
  /** The HTTP status of Tally's answer; null where there was none. */
  readonly status: number | null;
  /** The field that Tally refused, such as `model`; null where it names none. */
  readonly param: string | null;

  constructor(
    code: TallyClientErrorCode | (string & {}),
    message: string,
    details: { status?: number; param?: string | null; cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
    this.code = code;
    this.status = details.status ?? null;
    this.param = details.param ?? null;
  }
}
