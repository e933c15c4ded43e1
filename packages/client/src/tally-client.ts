/** What a gateway asks of Tally over HTTP: may this request run, and here is what it used. */
import { randomUUID } from 'node:crypto';
import { readLeaseAnswer, readReceipt, readReservation, type Reader } from './answers.js';
import { denialOf, jsonOf, overloaded, refusalOf, type Answer, type Denial } from './denial.js';
import { TallyClientError } from './tally-client-error.js';
import type { LeaseAnswer, LeaseEnding, LeaseStatement } from './protocol/lease.js';
import type { Reservation } from './protocol/reservation.js';
import type { UsageEvent, UsageReceipt } from './protocol/usage-event.js';

export interface TallyClientOptions {
  baseUrl: string;
  /** A key with the role `gateway`. */
  apiKey: string;
  /** For one call and all its attempts, 5 seconds when left out. */
  timeoutMs?: number;
  fetch?: typeof fetch;
}

export interface ReservationRequest {
  /** `entity/project` */
  project: string;
  model: string;
  /** Both may be left out: the model's maximum stands in, or for the output what was learned of it. */
  inputTokens?: number;
  maxOutputTokens?: number;
  /** The same id again returns the same reservation. */
  requestId?: string;
  ttlSeconds?: number;
}

/** A denial is a value, not an exception: it is an answer that the gateway hands to its own caller. */
export type Admission =
  | { readonly admitted: true; readonly reservation: Reservation }
  | { readonly admitted: false; readonly denial: Denial };

export type Decision = { readonly allowed: true } | { readonly allowed: false; readonly denial: Denial };

/** Every call is safe to repeat, so one that got no answer is tried once more: a kept-alive connection may have just closed. */
const ATTEMPTS_MAX = 2;
const TIMEOUT_MS = 5000;

export class TallyClient {
  private readonly options: TallyClientOptions;

  constructor(options: TallyClientOptions) {
    this.options = options;
  }

  /**
   * Asks whether a request may run and holds what it may cost. When Tally cannot answer, the denial is a 503:
   * a request that nobody admitted must not run. Throws a TallyClientError for what the gateway itself got wrong
   * (its key, a malformed project), because that is not the caller's to see.
   */
  async reserve(wanted: ReservationRequest): Promise<Admission> {
    const answer = await this.decide('POST', '/v1/quota/reservations', {
      body: {
        project: wanted.project,
        model: wanted.model,
        input_tokens: wanted.inputTokens,
        max_output_tokens: wanted.maxOutputTokens,
        request_id: wanted.requestId ?? randomUUID(),
        ttl_seconds: wanted.ttlSeconds,
      },
    });
    if (!answer.ok) return { admitted: false, denial: denialOf(answer) };
    return { admitted: true, reservation: readAnswer(answer, readReservation) };
  }

  /** Ends a hold without a charge; ending it twice is the same as once. */
  async release(reservationId: string): Promise<void> {
    const answer = await this.ask(
      'POST',
      `/v1/quota/reservations/${encodeURIComponent(reservationId)}/release`,
    );
    if (!answer.ok) throw refusalOf(answer);
  }

  /** Keeps a hold for `ttlSeconds` from now; false when it is gone already. */
  async extend(reservationId: string, ttlSeconds: number): Promise<boolean> {
    const path = `/v1/quota/reservations/${encodeURIComponent(reservationId)}/extend`;
    const answer = await this.ask('POST', path, { body: { ttl_seconds: ttlSeconds } });
    if (!answer.ok && answer.status !== 404) throw refusalOf(answer);
    return answer.ok;
  }

  /** Decides without holding anything. */
  async check(project: string, model?: string): Promise<Decision> {
    const headers = { 'openai-project': project, ...(model !== undefined && { 'x-model': model }) };
    const answer = await this.decide('GET', '/v1/quota/check', { headers });
    return answer.ok ? { allowed: true } : { allowed: false, denial: denialOf(answer) };
  }

  /** States what a lease holds. Throws a TallyClientError, with status 404 for a lease that has ended. */
  async lease(statement: LeaseStatement): Promise<LeaseAnswer> {
    const answer = await this.ask('POST', '/v1/quota/leases', { body: statement });
    if (!answer.ok) throw refusalOf(answer);
    return readAnswer(answer, readLeaseAnswer);
  }

  async endLease(id: string, ending: LeaseEnding): Promise<void> {
    const path = `/v1/quota/leases/${encodeURIComponent(id)}/release`;
    const answer = await this.ask('POST', path, { body: ending });
    if (!answer.ok) throw refusalOf(answer);
  }

  /** Hands over at most 1,000 events. One that is refused for good is named in the receipt; the rest is accepted. */
  async report(events: readonly UsageEvent[]): Promise<UsageReceipt> {
    const headers = { 'content-type': 'application/cloudevents-batch+json' };
    const answer = await this.ask('POST', '/v1/usage/events', { headers, body: events });
    if (!answer.ok) throw refusalOf(answer);
    return readAnswer(answer, readReceipt);
  }

  private async decide(method: string, path: string, content: Content): Promise<Answer> {
    try {
      return await this.ask(method, path, content);
    } catch (error) {
      return overloaded(error);
    }
  }

  private async ask(method: string, path: string, content: Content = {}): Promise<Answer> {
    const signal = AbortSignal.timeout(this.options.timeoutMs ?? TIMEOUT_MS);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.send(method, path, { ...content, signal });
      } catch (error) {
        // A hold that was made although the answer came too late expires by itself.
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

function readAnswer<T>({ body, status }: Answer, read: Reader<T>): T {
  try {
    return read(jsonOf(body));
  } catch (cause) {
    const message = `Tally's answer cannot be read: ${(cause as Error).message}`;
    throw new TallyClientError('unreadable', message, { status, cause });
  }
}
