/**
 * The usual call of a gateway in a straight line, before Fastify: a POST whose path is spelled plainly and whose body is short JSON
 * without an encoding. Any other request goes to the same route in Fastify (gateway-routes.ts) with nothing read of it, and answers
 * are the same. Fastify's routing, its hooks and Nest's, and the objects of a request took a quarter of a call's time.
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import {
  answererOf,
  JSON_TYPE,
  type Answerer,
  type GatewayApi,
  type GatewayRequest,
} from './gateway-routes.js';
import type { ErrorFilter } from './error-filter.js';
import { parseJsonBody } from './json-body.js';

/** Longer bodies, which no gateway needs, are Fastify's. */
const BODY_BYTES_MAX = 16_384;

const BODY_TYPES = new Set([
  'application/json',
  JSON_TYPE,
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
]);

/** What needs no decoding in a path. */
const PLAIN = /^[A-Za-z0-9._-]{1,256}$/;

/** With one of these a request is unusual. */
const UNUSUAL = ['transfer-encoding', 'content-encoding', 'accept-version', 'origin', 'expect'];

export type Served = {
  readonly id: string;
  readonly method: string;
  readonly route: string;
  readonly url: string;
  readonly status: number;
  readonly ms: number;
};

type Parts<Calls> = {
  readonly api: GatewayApi<Calls>;
  readonly errors: ErrorFilter;
  readonly requestIdOf: (header: string | string[] | undefined) => string;
  readonly note: (served: Served) => void;
};

type Usual = {
  readonly path: string;
  /** Around the path's only parameter; without one `before` is the path, and `name` is empty. */
  readonly before: string;
  readonly name: string;
  readonly after: string;
} & Answerer;

/** Puts the fast path before the listener that Fastify has added to its server. */
export function serveUsualCalls<Calls>(server: Server, parts: Parts<Calls>): void {
  const routes = parts.api.routes
    .filter(({ method }) => method === 'POST')
    .map((route): Usual => {
      const [before = '', name = '', after = ''] = route.path.split(/:(\w+)/);
      return { path: route.path, before, name, after, ...answererOf(route, parts.api) };
    });
  const others = server.listeners('request') as RequestListener[];
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const call = request.method === 'POST' ? callOf(request, response, routes, parts) : null;
    if (call !== null) return call.run();
    for (const serve of others) serve.call(server, request, response);
  });
}

/** Null where Fastify has to answer. */
function callOf<Calls>(
  request: IncomingMessage,
  response: ServerResponse,
  routes: readonly Usual[],
  parts: Parts<Calls>,
): UsualCall<Calls> | null {
  const { url = '', headers } = request;
  for (const route of routes) {
    const params = paramsIn(url, route);
    if (params === null) continue;
    const length = Number(headers['content-length'] ?? 0);
    const type = headers['content-type'];
    const isUsual =
      length <= BODY_BYTES_MAX &&
      (type === undefined ? length === 0 : BODY_TYPES.has(type)) &&
      UNUSUAL.every((name) => headers[name] === undefined);
    return isUsual ? new UsualCall(request, response, { route, params, length }, parts) : null;
  }
  return null;
}

const NO_PARAMS = {};

/** Null where the URL is not the route's in its plain spelling. */
function paramsIn(url: string, { before, name, after }: Usual): Record<string, string> | null {
  if (name === '') return url === before ? NO_PARAMS : null;
  if (!url.startsWith(before) || !url.endsWith(after)) return null;
  const value = url.slice(before.length, url.length - after.length);
  return PLAIN.test(value) ? { [name]: value } : null;
}

type Of = { readonly route: Usual; readonly params: Record<string, string>; readonly length: number };

class UsualCall<Calls> implements GatewayRequest {
  readonly id: string;
  readonly headers: IncomingMessage['headers'];
  readonly params: Record<string, string>;
  body: unknown;
  principal: GatewayRequest['principal'] = null;
  private readonly startedMs = performance.now();
  private chunks: Buffer[] | null = null;
  private received = 0;

  constructor(
    readonly raw: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly of: Of,
    private readonly parts: Parts<Calls>,
  ) {
    this.headers = raw.headers;
    this.params = of.params;
    this.id = parts.requestIdOf(raw.headers['x-request-id']);
  }

  run(): void {
    try {
      const admission = this.of.route.admit(this);
      if (admission === undefined) this.receive();
      else admission.then(() => this.receive(), (error: unknown) => this.fail(error)); // prettier-ignore
    } catch (error) {
      this.fail(error);
    }
  }

  /** Until here nothing of the body was asked for. */
  private receive(): void {
    const { raw, of } = this;
    if (of.length === 0) {
      raw.resume();
      this.answer();
      return;
    }
    // A caller that hangs up within its body gets no answer: Node reports that as an error only where somebody listens for one.
    raw.on('data', (chunk: Buffer) => this.take(chunk));
  }

  private take(chunk: Buffer): void {
    this.received += chunk.length;
    const isWhole = this.received === this.of.length;
    if (isWhole && this.chunks === null) return this.read(chunk);
    (this.chunks ??= []).push(chunk);
    if (isWhole) this.read(Buffer.concat(this.chunks));
  }

  private read(bytes: Buffer): void {
    try {
      this.body = parseJsonBody(bytes);
    } catch (error) {
      // As Fastify does after a body that it could not read.
      this.fail(error, { connection: 'close' });
      return;
    }
    this.answer();
  }

  private answer(): void {
    const { route } = this.of;
    route.answer(this).then(
      ({ status, text }) => this.send(status, text),
      (error: unknown) => this.fail(error),
    );
  }

  private fail(thrown: unknown, more: Record<string, string> = {}): void {
    const { status, headers, body } = this.parts.errors.answerFor(thrown, this);
    this.send(status, JSON.stringify(body), { ...more, ...headers });
  }

  private send(status: number, text: string, more: Readonly<Record<string, string>> | null = null): void {
    const { response, id } = this;
    const headers = [
      'x-request-id', id,
      'content-type', JSON_TYPE,
      'content-length', String(Buffer.byteLength(text)),
    ]; // prettier-ignore
    if (more !== null) for (const [name, value] of Object.entries(more)) headers.push(name, value);
    response.writeHead(status, headers);
    response.end(text);
    const { path: route } = this.of.route;
    const ms = performance.now() - this.startedMs;
    this.parts.note({ id, method: 'POST', route, url: this.raw.url ?? '', status, ms });
  }
}
