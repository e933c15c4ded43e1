/** What a gateway asks of Tally over HTTP: may this request run, and here is what it used. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { denialOf, jsonOf, overloaded, refusalOf, type Answer, type Denial } from './denial.js';
import { TallyClientError } from './tally-client-error.js';
import type { UsageEvent } from './usage-event.js';

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

/** As it stands on the wire; null in `remaining` means that there is no such limit. */
export type Reservation = Readonly<z.infer<typeof reservationAnswer>>;

const reservationAnswer = z.looseObject({
  id: z.string(),
  project: z.string(),
  model: z.string(),
  period: z.string(),
  hold_usd: z.string(),
  expires_at: z.number(),
  remaining: z.object({
    credits_usd: z.string().nullable(),
    project_cap_usd: z.string().nullable(),
    entity_cap_usd: z.string().nullable(),
  }),
});

/** A denial is a value, not an exception: it is an answer that the gateway hands to its own caller. */
export type Admission =
  | { readonly admitted: true; readonly reservation: Reservation }
  | { readonly admitted: false; readonly denial: Denial };

export type Decision = { readonly allowed: true } | { readonly allowed: false; readonly denial: Denial };

/** A gateway's own account of its lease; src/quota/README.md says what each field means. */
export interface LeaseStatement extends LeaseEnding {
  readonly lease_id: string;
  readonly sequence: number;
  readonly outstanding_usd: string;
  readonly free_usd: string;
  readonly wanted_usd: string;
  readonly largest_hold_usd: string;
  readonly ttl_seconds: number;
  readonly models: readonly string[];
}

export interface LeaseEnding {
  readonly project: string;
  readonly request_seconds: number;
  readonly finished: readonly { readonly id: string; readonly hold_usd: string }[];
}

export type LeaseAnswer = Readonly<z.infer<typeof leaseAnswer>>;

const leaseAnswer = z.looseObject({
  sequence: z.number(),
  granted_usd: z.string(),
  give_back_usd: z.string(),
  lifetime_ms: z.number(),
  reason: z.string().nullable(),
  prices: z.array(
    z.object({
      model: z.string(),
      input_usd_per_million: z.string(),
      output_usd_per_million: z.string(),
      input_tokens_default: z.number(),
      output_tokens_default: z.number(),
    }),
  ),
});

export type UsageReceipt = Readonly<z.infer<typeof receiptAnswer>>;

const receiptAnswer = z.object({
  accepted: z.number(),
  rejected: z.array(z.object({ index: z.number(), code: z.string(), message: z.string() })),
});

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
    return { admitted: true, reservation: readAnswer(answer, reservationAnswer) };
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
    return readAnswer(answer, leaseAnswer);
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
    return readAnswer(answer, receiptAnswer);
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

/** An answer of another shape came from something else than Tally, so it decides nothing. */
function readAnswer<T>(answer: Answer, shape: z.ZodType<T>): T {
  const read = shape.safeParse(jsonOf(answer.body));
  if (read.success) return read.data;
  const message = `Tally's answer cannot be read: ${z.prettifyError(read.error)}`;
  throw new TallyClientError('unreadable', message, { status: answer.status });
}
