/** Which of Tally's answers a gateway may hand to its caller, and in which form. */
import { ERROR_TYPES, OVERLOADED_MESSAGE, type ErrorBody } from './protocol/errors.js';
import { TallyClientError } from './tally-client-error.js';

/** An answer in OpenAI's form: hand status, headers and body to the caller as they are. */
export interface Denial {
  /** 429 (or 402, as Tally is configured) at a limit, 404 for a model without a price, 5xx where Tally cannot decide. */
  readonly status: number;
  /** Names in lower case; `content-type`, what says whether and when to try again, and `x-request-id` for support. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text (`ErrorBody`), byte for byte what Tally sent. */
  readonly body: string;
  /** Why Tally could not decide, for the gateway's log. */
  readonly cause?: unknown;
}

/** True where only requests in flight are in the way, so that waiting a second helps. */
export function isTransient({ body }: Denial): boolean {
  return errorOf(body)?.code === 'rate_limit_exceeded';
}

/** Any HTTP answer of Tally. */
export interface Answer extends Denial {
  readonly ok: boolean;
}

/**
 * What tells a caller whether and when to try again, and by which id Tally logged the request. Every other header concerns only the
 * connection to Tally.
 */
const PASSED_ON_HEADER =
  /^(content-type|retry-after|retry-after-ms|x-should-retry|x-request-id|x-quota-(limit|decision)|x-ratelimit-.+)$/;

/**
 * A limit (402, 429), a model without a price and Tally's own trouble (5xx) are for the caller. Any other refusal means that the
 * gateway asked wrongly, and throws: passing on a 401 would tell the caller that its own key is bad.
 */
export function denialOf(answer: Answer): Denial {
  const { status, headers, body, cause } = answer;
  const error = errorOf(body);
  const isForCaller = status === 402 || status === 429 || status >= 500 || error?.code === 'model_not_found';
  if (!isForCaller) throw refusalOf(answer);
  if (error === null)
    return overloaded(new TallyClientError('unreadable', 'Tally sent no error body', { status }));
  const passedOn = Object.entries(headers).filter(([name]) => PASSED_ON_HEADER.test(name));
  return { status, headers: Object.fromEntries(passedOn), body, ...(cause !== undefined && { cause }) };
}

/** What Tally says when it cannot decide, for when it cannot even say that. */
export function overloaded(cause: unknown): Answer {
  const body: ErrorBody = {
    error: { message: OVERLOADED_MESSAGE, type: ERROR_TYPES.overloaded, param: null, code: 'overloaded' },
  };
  const headers = { 'content-type': 'application/json; charset=utf-8', 'retry-after': '1' };
  return { ok: false, status: 503, headers, body: JSON.stringify(body), cause };
}

export function refusalOf(answer: Answer): TallyClientError {
  const error = errorOf(answer.body);
  const message = error?.message ?? `Tally answered ${answer.status}`;
  const { status } = answer;
  return new TallyClientError(error?.code ?? 'unreadable', message, { status, param: error?.param ?? null });
}

function errorOf(body: string): { code: string; message: string; param: string | null } | null {
  const { code, message, param } = fieldsOf(fieldsOf(jsonOf(body))['error']);
  if (typeof code !== 'string' || typeof message !== 'string') return null;
  return { code, message, param: typeof param === 'string' ? param : null };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Undefined for what is not JSON, such as the page of a proxy in between. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
