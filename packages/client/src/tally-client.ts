/** Tally's HTTP API as a gateway uses it: may this request run, and here is what it used. */
import { randomUUID } from 'node:crypto';
import { readLeaseAnswer, readReceipt, readReservation, type Reader } from './answers.js';
import { denialOf, jsonOf, overloaded, refusalOf, type Answer, type Denial } from './denial.js';
import type { LeaseAnswer, LeaseEnding, LeaseStatement } from './protocol/lease.js';
import type { Reservation } from './protocol/reservation.js';
import type { UsageEvent, UsageReceipt } from './protocol/usage-event.js';
import type { TraceContext } from './protocol/trace-context.js';
import { TallyClientError } from './tally-client-error.js';

export interface TallyClientOptions {
  /** Where Tally's API is, such as `http://127.0.0.1:3000`. */
  baseUrl: string;
  /** A key with the role `gateway`. */
  apiKey: string;
  /** For one call, repetitions included: 5,000 when left out. */
  timeoutMs?: number;
  /** Node's own when left out. */
  fetch?: typeof fetch;
}

export interface ReservationRequest {
  /** `entity/project` */
  project: string;
  /**
   * 1 to 256 characters. A model without a price is denied with 404, unless Tally is configured to admit it. A list of 1 to 8 names
   * what the request may fall back on: the dearest is held.
   */
  model: string | readonly string[];
  /** 0 to 2^31 - 1. When left out, the most that the model takes. */
  inputTokens?: number;
  /** Where the tokens are not known: how many bytes the input has, which bounds them. */
  inputBytes?: number;
  /** 0 to 2^31 - 1. When left out, what the model's answers have lately been, or near a limit the most that it writes. */
  maxOutputTokens?: number;
  /** Without `inputTokens`: how many prompts, texts or documents there are, each up to the most that the model takes. 1 when left out. */
  inputCount?: number;
  /** Without `maxOutputTokens`: how many outputs are asked for, such as `n`, each up to the most that the model writes. 1 when left out. */
  outputCount?: number;
  /**
   * The service tier that is asked for, such as `flex`: 1 to 64 characters, `default` when left out. `auto` lets the server
   * choose, and the dearest is held. Only the default tier is admitted on a lease.
   */
  serviceTier?: string;
  /** Where the request runs: 1 to 64 characters. When left out, the dearest region is held. */
  region?: string;
  /**
   * 1 to 1,024 characters, random when left out. The same id again returns the same reservation while it lives; with other content, or
   * once it has ended, `reserve` throws with status 409.
   */
  requestId?: string;
  /** How long the hold lasts unless it is extended: 1 to 86,400, 900 when left out. */
  ttlSeconds?: number;
  /** The trace that Tally continues, where it sends traces. */
  trace?: TraceContext;
}

/** A denial is a value, not an exception: it is an answer for the gateway's own caller. */
export type Admission =
  | { readonly admitted: true; readonly reservation: Reservation }
  | { readonly admitted: false; readonly denial: Denial };

export type Decision = { readonly allowed: true } | { readonly allowed: false; readonly denial: Denial };

/** Every call is safe to repeat. One without an answer is tried once more, since a kept-alive connection may just have closed. */
const ATTEMPTS_MAX = 2;
const TIMEOUT_MS = 5000;

/** Each method throws a `TallyClientError` where it says nothing else. */
export class TallyClient {
  private readonly options: TallyClientOptions;

  constructor(options: TallyClientOptions) {
    this.options = options;
  }

  /**
   * Asks whether a request may run, and holds what it may cost. When Tally cannot answer, the result is a denial with status
   * 503: a request that nobody admitted must not run. Throws a `TallyClientError` for what the gateway itself did wrong (its
   * key, a malformed project), because its caller must not see that.
   */
  async reserve(request: ReservationRequest): Promise<Admission> {
    const answer = await this.decide('POST', '/v1/quota/reservations', {
      headers: traceHeaders(request.trace),
      body: {
        project: request.project,
        model: request.model,
        input_tokens: request.inputTokens,
        input_bytes: request.inputBytes,
        max_output_tokens: request.maxOutputTokens,
        input_count: request.inputCount,
        output_count: request.outputCount,
        service_tier: request.serviceTier,
        region: request.region,
        request_id: request.requestId ?? randomUUID(),
        ttl_seconds: request.ttlSeconds,
      },
    });
    if (!answer.ok) return { admitted: false, denial: denialOf(answer) };
    return { admitted: true, reservation: readAnswer(answer, readReservation) };
  }

  /** Ends a hold without a charge. Ending it twice is the same as once. */
  async release(reservationId: string): Promise<void> {
    const path = `/v1/quota/reservations/${encodeURIComponent(reservationId)}/release`;
    await this.tell('POST', path);
  }

  /** The same for a request whose reservation id is not known, such as after an answer that was lost. */
  async releaseRequest(project: string, requestId: string): Promise<void> {
    const body = { project, request_id: requestId };
    await this.tell('POST', '/v1/quota/reservations/release', { body });
  }

  /** Keeps a hold for `ttlSeconds` from now, 1 to 86,400. False where it is gone already. */
  async extend(reservationId: string, ttlSeconds: number): Promise<boolean> {
    const path = `/v1/quota/reservations/${encodeURIComponent(reservationId)}/extend`;
    const answer = await this.ask('POST', path, { body: { ttl_seconds: ttlSeconds } });
    if (!answer.ok && answer.status !== 404) throw refusalOf(answer);
    return answer.ok;
  }

  /** Decides without holding anything, so many requests at once can pass a limit together. */
  async check(project: string, model?: string): Promise<Decision> {
    const headers = { 'openai-project': project, ...(model !== undefined && { 'x-model': model }) };
    const answer = await this.decide('GET', '/v1/quota/check', { headers });
    return answer.ok ? { allowed: true } : { allowed: false, denial: denialOf(answer) };
  }

  /**
   * Reports 1 to 1,000 events. Events that Tally refuses for good are named in the receipt, and the others are accepted. A
   * reporter (`httpReporter`) does this with retries and loses nothing.
   */
  async report(events: readonly UsageEvent[]): Promise<UsageReceipt> {
    const headers = { 'content-type': 'application/cloudevents-batch+json' };
    const answer = await this.ask('POST', '/v1/usage/events', { headers, body: events });
    // Where none can be counted, the receipt says why of each.
    if (!answer.ok && answer.status !== 422) throw refusalOf(answer);
    return readAnswer(answer, readReceipt);
  }

  /** States what a lease holds; `LeasedQuota` does this. Throws with status 404 for a lease that has ended. */
  async renewLease(statement: LeaseStatement): Promise<LeaseAnswer> {
    return readAnswer(await this.tell('POST', '/v1/quota/leases', { body: statement }), readLeaseAnswer);
  }

  /** Ends a lease. What the ending hands over stays held until its events are booked. */
  async endLease(leaseId: string, ending: LeaseEnding): Promise<void> {
    await this.tell('POST', `/v1/quota/leases/${encodeURIComponent(leaseId)}/release`, { body: ending });
  }

  private async decide(method: string, path: string, content: Content): Promise<Answer> {
    try {
      return await this.ask(method, path, content);
    } catch (error) {
      return overloaded(error);
    }
  }

  private async tell(method: string, path: string, content?: Content): Promise<Answer> {
    const answer = await this.ask(method, path, content);
    if (!answer.ok) throw refusalOf(answer);
    return answer;
  }

  private async ask(method: string, path: string, content: Content = {}): Promise<Answer> {
    const signal = AbortSignal.timeout(this.options.timeoutMs ?? TIMEOUT_MS);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.send(method, path, { ...content, signal });
      } catch (error) {
        // Where the answer to a reservation came too late, its hold expires.
        if (signal.aborted || attempt === ATTEMPTS_MAX) {
          throw new TallyClientError('unreachable', `Tally did not answer ${method} ${path}`, {
            cause: error,
          });
        }
      }
    }
  }

  private async send(
    method: string,
    path: string,
    content: Content & { signal: AbortSignal },
  ): Promise<Answer> {
    const { baseUrl, apiKey, fetch: send = fetch } = this.options;
    const response = await send(new URL(path, baseUrl), {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(content.body !== undefined && { 'content-type': 'application/json' }),
        ...content.headers,
      },
      ...(content.body !== undefined && { body: JSON.stringify(content.body) }),
      signal: content.signal,
    });
    const { ok, status, headers } = response;
    return { ok, status, headers: Object.fromEntries(headers), body: await response.text() };
  }
}

interface Content {
  headers?: Record<string, string>;
  body?: unknown;
}

function traceHeaders(trace: TraceContext | undefined): Record<string, string> {
  if (trace === undefined) return {};
  const { traceparent, tracestate } = trace;
  return { traceparent, ...(tracestate !== undefined && { tracestate }) };
}

function readAnswer<T>({ body, status }: Answer, read: Reader<T>): T {
  try {
    return read(jsonOf(body));
  } catch (cause) {
    const message = `Tally's answer cannot be read: ${(cause as Error).message}`;
    throw new TallyClientError('unreadable', message, { status, cause });
  }
}
