/** A fake Tally for gateways: speaks the contract over HTTP, records what it was told, and refuses on demand. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

export interface Canned {
  status: number;
  headers?: Record<string, string>;
  body: unknown;
}

const askedReservation = z.strictObject({
  project: z.string(),
  model: z.string(),
  input_tokens: z.int().optional(),
  input_bytes: z.int().optional(),
  max_output_tokens: z.int().optional(),
  input_count: z.int().min(2).optional(),
  output_count: z.int().min(2).optional(),
  service_tier: z.string().optional(),
  region: z.string().optional(),
  request_id: z.string(),
  ttl_seconds: z.number().optional(),
});

type AskedReservation = z.infer<typeof askedReservation>;

const askedExtension = z.strictObject({ ttl_seconds: z.number() });

const usage = z.looseObject({
  prompt_tokens: z.int().optional(),
  completion_tokens: z.int().optional(),
  total_tokens: z.int().optional(),
});

/** Strict, so that a gateway fails its test if it sends anything that is not in the contract. */
const usageEvent = z.strictObject({
  specversion: z.literal('1.0'),
  id: z.string(),
  source: z.string(),
  type: z.literal('ai.inference.usage.v1'),
  subject: z.string(),
  time: z.iso.datetime(),
  traceparent: z.string().optional(),
  tracestate: z.string().optional(),
  data: z.strictObject({
    model: z.string(),
    operation: z.string(),
    usage,
    usage_format: z.string().optional(),
    service_tier: z.string().optional(),
    region: z.string().optional(),
    attributes: z.record(z.string(), z.string()).optional(),
    reservation_id: z.string().optional(),
    api_key_id: z.string().optional(),
    user_id: z.string().optional(),
    request_id: z.string().optional(),
    usage_source: z.enum(['reported', 'estimated']),
    tags: z.record(z.string(), z.string()).optional(),
  }),
});

type UsageEvent = z.infer<typeof usageEvent>;

const API_KEY = 'tally-gateway-key';

export class FakeTally {
  readonly apiKey = API_KEY;
  url = '';
  readonly reservations: (AskedReservation & { id: string })[] = [];
  /** The headers of each of them. */
  readonly reservationHeaders: IncomingHttpHeaders[] = [];
  readonly released: string[] = [];
  readonly extended: { id: string; ttlSeconds: number }[] = [];
  readonly checks: { project: string | undefined; model: string | undefined }[] = [];
  readonly events: UsageEvent[] = [];
  /** How many events came in each request. */
  readonly eventBatches: number[] = [];
  /** Ids of events that the receipt names as rejected. */
  readonly poisonIds = new Set<string>();
  /** Requests that broke the contract. */
  readonly malformed: unknown[] = [];
  /** Every HTTP request, refused ones included. */
  requestCount = 0;
  /** Called, and awaited, before a reservation is answered. */
  onReservation: () => unknown = () => {};

  private readonly server = createServer((request, response) => void this.serve(request, response));
  private readonly refusals: { path: RegExp; answer: Canned | 'hang up' | 'silence' }[] = [];
  private watchers: (() => void)[] = [];

  async start(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    const address = this.server.address();
    if (typeof address === 'object') this.url = `http://127.0.0.1:${address?.port}`;
    return this;
  }

  /** Fails the test if a request broke the contract. */
  async stop(): Promise<void> {
    if (this.malformed.length > 0) throw new AggregateError(this.malformed, 'Not what the contract says');
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  /** The next request to a matching path gets this answer, or none. */
  refuseNext(path: RegExp, answer: Canned | 'hang up' | 'silence', times = 1): void {
    for (let time = 0; time < times; time += 1) this.refusals.push({ path, answer });
  }

  /** Refuses nothing any more. */
  relent(): void {
    this.refusals.length = 0;
  }

  /** Resolves once Tally has been told enough to make the condition true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.watchers.push(resolve));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', this.url).pathname;
    const body = await bodyOf(request);
    this.requestCount += 1;
    if (path === '/v1/quota/reservations') await this.onReservation();
    const at = this.refusals.findIndex((refusal) => refusal.path.test(path));
    const [refusal] = at === -1 ? [] : this.refusals.splice(at, 1);
    if (refusal?.answer === 'hang up') request.socket.destroy();
    else if (refusal?.answer !== 'silence')
      send(response, refusal?.answer ?? this.judge(request, path, body));
    for (const watcher of this.watchers.splice(0)) watcher();
  }

  private judge(request: IncomingMessage, path: string, body: unknown): Canned {
    try {
      return this.answer(request, path, body);
    } catch (error) {
      this.malformed.push(error);
      return { status: 400, body: anError(String(error), 'invalid_request_error', 'invalid_request') };
    }
  }

  private answer(request: IncomingMessage, path: string, body: unknown): Canned {
    if (request.headers.authorization !== `Bearer ${API_KEY}`) return INVALID_KEY;
    const [, id = '', action] = /^\/v1\/quota\/reservations\/([^/]+)\/(release|extend)$/.exec(path) ?? [];
    if (path === '/v1/quota/reservations') {
      this.reservationHeaders.push(request.headers);
      return this.reserve(askedReservation.parse(body));
    }
    if (action === 'release') return this.release(decodeURIComponent(id));
    if (action === 'extend') return this.extend(decodeURIComponent(id), askedExtension.parse(body));
    if (path === '/v1/quota/check') return this.check(request);
    if (path === '/v1/usage/events') return this.take(body);
    return { status: 404, body: anError('not found', 'invalid_request_error', 'not_found') };
  }

  private reserve(asked: AskedReservation): Canned {
    const known = this.reservations.find((reservation) => reservation.request_id === asked.request_id);
    const id = known?.id ?? `res_${this.reservations.length + 1}.${asked.project.split('/')[0]}`;
    if (known === undefined) this.reservations.push({ ...asked, id });
    const body = {
      object: 'quota.reservation',
      id,
      project: asked.project,
      model: asked.model,
      period: '2026-11',
      hold_usd: '0.001',
      expires_at: 1763841600,
      remaining: { credits_usd: '10', project_cap_usd: null, entity_cap_usd: '100' },
    };
    return { status: 201, body };
  }

  private release(id: string): Canned {
    this.released.push(id);
    return { status: 200, body: { object: 'quota.reservation', id } };
  }

  private extend(id: string, { ttl_seconds: ttlSeconds }: { ttl_seconds: number }): Canned {
    if (!this.reservations.some((reservation) => reservation.id === id)) {
      return { status: 404, body: anError('No such reservation', 'invalid_request_error', 'not_found') };
    }
    this.extended.push({ id, ttlSeconds });
    return { status: 200, body: { object: 'quota.reservation', id } };
  }

  private check({ headers }: IncomingMessage): Canned {
    this.checks.push({
      project: headers['openai-project']?.toString(),
      model: headers['x-model']?.toString(),
    });
    return { status: 200, body: { object: 'quota.decision', allowed: true } };
  }

  private take(body: unknown): Canned {
    const events = z.array(usageEvent).parse(Array.isArray(body) ? body : [body]);
    this.eventBatches.push(events.length);
    const rejected = events.flatMap(({ id }, index) =>
      this.poisonIds.has(id) ? [{ index, id, code: 'invalid_tokens', message: 'must not be negative' }] : [],
    );
    const accepted = events.filter(({ id }) => !this.poisonIds.has(id));
    this.events.push(...accepted);
    return { status: 202, body: { object: 'usage.receipt', accepted: accepted.length, rejected } };
  }
}

export async function aFakeTally(): Promise<FakeTally> {
  return new FakeTally().start();
}

export function anError(message: string, type: string, code: string, details?: object): object {
  return { error: { message, type, param: null, code, ...(details !== undefined && { details }) } };
}

const INVALID_KEY: Canned = {
  status: 401,
  body: anError('Invalid Authentication', 'invalid_request_error', 'invalid_api_key'),
};

/** Final: official clients must not retry. */
export const MODEL_NOT_FOUND: Canned = {
  status: 404,
  headers: { 'x-should-retry': 'false' },
  body: anError(
    'The model `m` does not exist or you do not have access to it',
    'invalid_request_error',
    'model_not_found',
  ),
};

export const CREDITS_GONE: Canned = {
  status: 429,
  headers: { 'x-should-retry': 'false', 'x-quota-limit': 'credits' },
  body: anError(
    'You exceeded your current quota, please check your plan and billing details',
    'insufficient_quota',
    'insufficient_quota',
    {
      limit: 'credits',
      scope: 'entity1',
      spent_usd: '10',
      limit_usd: '10',
      held_usd: '0',
      resets_at: 1764547200,
    },
  ),
};

/** Transient: waiting helps. */
export const TOO_MANY_AT_ONCE: Canned = {
  status: 429,
  headers: { 'retry-after': '1', 'retry-after-ms': '20', 'x-quota-limit': 'concurrency' },
  body: anError('Concurrency limit reached for requests', 'requests', 'rate_limit_exceeded', {
    limit: 'concurrency',
    scope: 'entity1/default',
  }),
};

function send(response: ServerResponse, { status, headers, body }: Canned): void {
  const sent = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(sent);
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const sent = await text(request);
  return sent === '' ? null : JSON.parse(sent);
}
