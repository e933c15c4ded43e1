/**
 * Sends a request until the service has answered it. It retries a 429 or 503 after the time that the answer names, and a broken connection where
 * a repetition changes nothing: all but a POST without an Idempotency-Key. The key stays the same.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { NoAnswer } from '../failures.js';

const ATTEMPTS_MAX = 5;
const ANSWER_MS_MAX = 120_000;
const RETRY_MS_MAX = 30_000;
const RETRY_MS = 1_000;

/** Errors of a connection that was never made. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  // fetch opens no connection to ports of other protocols.
  'bad port',
]);
const CERTIFICATE = /CERT|SIGNATURE|ERR_TLS|ERR_SSL|SELF_SIGNED/;

export type Sending = {
  /** Called before each retry: why, and in how many milliseconds. */
  readonly onRetry: (why: string, ms: number) => void;
  readonly fetch?: typeof fetch;
  readonly wait?: (ms: number) => Promise<unknown>;
};

/** Throws NoAnswer where there is none. */
export async function send(request: Request, sending: Sending): Promise<Response> {
  const { onRetry, wait = delay, fetch: call = fetch } = sending;
  const isRepeatable =
    request.method !== 'POST' || request.headers.has('idempotency-key') || isDryRun(request);
  let mayBeDone = false;
  for (let attempt = 1; ; attempt += 1) {
    const isLast = attempt === ATTEMPTS_MAX || !isRepeatable;
    let why: string;
    let retryMs: number | null;
    try {
      const response = await call(request.clone(), { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
      retryMs = await retryAfter(response);
      if (retryMs === null || isLast) return checked(response, request);
      why = `The service answered ${response.status}`;
      await response.body?.cancel();
    } catch (error) {
      if (error instanceof NoAnswer) throw error;
      const reason = reasonOf(error);
      mayBeDone ||= !NOT_SENT.has(reason) && !CERTIFICATE.test(reason);
      if (isLast || !mayBeDone) throw noAnswer(request, reason, mayBeDone);
      why = `The connection broke (${reason})`;
      retryMs = RETRY_MS * attempt;
    }
    onRetry(why, retryMs);
    await wait(retryMs);
  }
}

function isDryRun(request: Request): boolean {
  return new URL(request.url).searchParams.get('dry_run') === 'true';
}

/** In how many milliseconds to send it again; null where the answer stands. */
async function retryAfter(response: Response): Promise<number | null> {
  const { status, headers } = response;
  if (headers.get('x-should-retry') === 'false') return null;
  // The first attempt is still running: wait for its answer.
  if (status === 409) return (await codeOf(response)) === 'idempotency_key_in_use' ? RETRY_MS : null;
  if (status !== 429 && status !== 503) return null;
  const ms = Number(headers.get('retry-after-ms') ?? Number(headers.get('retry-after') ?? 1) * 1000);
  return Number.isFinite(ms) && ms >= 0 ? Math.min(ms, RETRY_MS_MAX) : RETRY_MS;
}

async function codeOf(response: Response): Promise<string | null> {
  try {
    const body = (await response.clone().json()) as { error?: { code?: string } };
    return body.error?.code ?? null;
  } catch {
    return null;
  }
}

/** A proxy's page, or another program at that address, is no answer of Tally's. */
function checked(response: Response, request: Request): Response {
  const type = response.headers.get('content-type') ?? '';
  if (response.status >= 300 && response.status < 400)
    throw new NoAnswer(
      `${originOf(request)} answers with a redirect to ${response.headers.get('location') ?? 'nowhere'}: set TALLY_URL to where the service is.`,
      false,
    );
  const wanted = request.headers.get('accept') ?? '';
  if (/\bjson\b/.test(type) || (wanted !== '' && type.startsWith(wanted))) return response;
  throw new NoAnswer(
    `${originOf(request)} answers with status ${response.status} and ${type === '' ? 'no content type' : type}, which is not Tally's API: check TALLY_URL.`,
    response.status >= 500,
  );
}

function noAnswer(request: Request, reason: string, mayBeDone: boolean): NoAnswer {
  const origin = originOf(request);
  if (CERTIFICATE.test(reason))
    return new NoAnswer(
      `${origin} has a certificate that is not trusted (${reason}). NODE_EXTRA_CA_CERTS names a file with a private CA.`,
      mayBeDone,
    );
  if (!mayBeDone)
    return new NoAnswer(
      `${origin} cannot be reached (${reason}). Is the service running? TALLY_URL says where.`,
      mayBeDone,
    );
  return new NoAnswer(`The connection to ${origin} was lost before the answer came (${reason}).`, mayBeDone);
}

function originOf(request: Request): string {
  return new URL(request.url).origin;
}

/** fetch hides the reason in a cause, and where a name has several addresses in a list of causes. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer in ${ANSWER_MS_MAX / 1000} s`;
  const { code } = error as { code?: unknown };
  if (typeof code === 'string') return code;
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}
