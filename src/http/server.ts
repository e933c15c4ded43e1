/** The HTTP server beneath Nest: limits, JSON only, a request id on every answer, and our error body for every error. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { ID_LENGTH_MAX } from '@tally/client/protocol';
import { TallyError } from '../domain/errors.js';
import { newRequestId } from '../domain/ids.js';
import { Logger } from '../platform/logger.js';
import { Metrics } from '../platform/metrics.js';
import { serveUsualCalls, type Served } from './gateway-fast-path.js';
import { registerGatewayRoutes, type GatewayApi } from './gateway-routes.js';
import { HEADERS_TOO_LARGE } from './error-body.js';
import { ErrorFilter } from './error-filter.js';
import { equipBodyStreams } from './body-stream.js';
import { parseJsonBody } from './json-body.js';
import { watchConnections, type Connections } from './connections.js';
import { equipDoors, type Doors } from './doors.js';
import { equipForBrowsers } from './browsers.js';
import { equipReportLag } from './lag-header.js';

const JSON_TYPES = ['application/json', 'application/cloudevents+json', 'application/cloudevents-batch+json'];

/** As producers of CloudEvents in binary mode name the type of their data. */
const OTHER_JSON_TYPES = /^(application|text)\/([\w.!#$&^-]+\+)?json\s*(;|$)/i;

/** How long a request may take to arrive, and how long a connection may wait for its next request. */
const REQUEST_MS_MAX = 30_000;
const KEEP_ALIVE_MS = 72_000;

/** Each connection holds memory; a gateway needs some hundreds. */
const CONNECTIONS_MAX = 10_000;
const HEADER_BYTES_MAX = 16_384;

/** The longest that a path names is an event's id, percent-encoded up to three times that. */
const PATH_PARAM_CHARACTERS_MAX = 3 * ID_LENGTH_MAX;

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** A gateway's calls are counted, not logged: there are thousands a second. */
const COUNTED_ONLY = /^\/(v1\/quota\/|v1\/usage\/|livez|readyz|metrics)/;

type Parts = { readonly errors: ErrorFilter; readonly logger: Logger; readonly metrics: Metrics };

type ServerOptions<Calls> = Parts &
  Doors & {
    /** Null where this process does not serve the API. */
    readonly gateway: GatewayApi<Calls> | null;
    readonly corsOrigins: readonly string[];
    /** How long a request may take to arrive. */
    readonly requestMs?: number;
    /** Returns the URL to route a request by. */
    readonly rewriteUrl: (request: IncomingMessage) => string;
  };

/** Registers the gateway's routes before the adapter adds its hooks. */
export function fastifyAdapter<Calls>(options: ServerOptions<Calls>): FastifyAdapter {
  const { errors, gateway, rewriteUrl, requestMs = REQUEST_MS_MAX } = options;
  const fastify = Fastify({
    requestTimeout: requestMs,
    http: {
      headersTimeout: requestMs / 2,
      maxHeaderSize: HEADER_BYTES_MAX,
      connectionsCheckingInterval: requestMs / 10,
    },
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestIdHeader: false,
    rewriteUrl,
    genReqId: (request) => requestIdOf(request.headers['x-request-id']),
    return503OnClosing: false,
    routerOptions: { maxParamLength: PATH_PARAM_CHARACTERS_MAX, ignoreTrailingSlash: true },
    // What is refused so early has a body that nobody reads.
    frameworkErrors: (error, request, reply) =>
      errors.answer(error, request, reply.header('connection', 'close')),
    clientErrorHandler: (error, socket) => refuse(error, socket, connections),
  });
  fastify.server.maxConnections = CONNECTIONS_MAX;
  fastify.server.on('checkExpectation', refuseExpectation);
  equip(fastify, options);
  equipReportLag(fastify);
  equipForBrowsers(fastify, options.corsOrigins);
  equipDoors(fastify, options);
  if (gateway !== null) {
    registerGatewayRoutes(fastify, errors, gateway);
    serveUsualCalls(fastify.server, {
      api: gateway,
      errors,
      requestIdOf,
      note: (served) => note(served, options),
    });
  }
  // While the server drains, an answer closes its connection, which would otherwise keep the server open for a minute.
  const connections = watchConnections(fastify.server);
  fastify.addHook('preClose', (done) => {
    connections.drain();
    done();
  });
  return new FastifyAdapter(fastify);
}

/** For every route: parsers, request id, log and metrics. */
function equip(fastify: FastifyInstance, parts: Parts): void {
  fastify.removeAllContentTypeParsers();
  fastify.decorateRequest('principal', null);
  fastify.addContentTypeParser(JSON_TYPES, { parseAs: 'buffer' }, readBody);
  fastify.addContentTypeParser(OTHER_JSON_TYPES, { parseAs: 'buffer' }, readBody);
  equipBodyStreams(fastify, JSON_TYPES);
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const { id, method, url, routeOptions } = request;
    const { statusCode: status, elapsedTime: ms } = reply;
    note({ id, method, url, route: routeOptions.url ?? 'unknown', status, ms }, parts);
    done();
  });
}

function requestIdOf(header: string | string[] | undefined): string {
  return typeof header === 'string' && REQUEST_ID.test(header) ? header : newRequestId();
}

type Done = (error: Error | null, body?: unknown) => void;

function readBody(request: FastifyRequest, bytes: string | Buffer, done: Done): void {
  try {
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') {
      throw new TallyError('unsupported_media_type', 'The request body must not be compressed');
    }
    done(null, parseJsonBody(typeof bytes === 'string' ? Buffer.from(bytes) : bytes));
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)));
  }
}

function note({ id, method, route, url, status, ms }: Served, { logger, metrics }: Parts): void {
  metrics.httpSeconds.observe({ method, route, status }, ms / 1000);
  if (COUNTED_ONLY.test(route) && status < 500) return;
  logger.info('request', {
    request_id: id,
    method,
    path: url.split('?', 1)[0],
    status,
    ms: Math.round(ms),
  });
}

const NOT_HTTP = {
  status: '400 Bad Request',
  message: 'The request is not valid HTTP',
  code: 'invalid_request',
};
const REFUSALS: Readonly<Record<string, typeof NOT_HTTP>> = {
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    message: HEADERS_TOO_LARGE,
    code: 'invalid_request',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '408 Request Timeout',
    message: 'The request did not arrive in time',
    code: 'request_timeout',
  },
};

/**
 * Answers bytes that are not HTTP: there is no request, only a socket. Nothing follows an answer that is on its way: a proxy in front
 * would take it for the answer to the next request, which may be somebody else's.
 */
function refuse(error: Error & { code?: string }, socket: Socket, connections: Connections): void {
  if (error.code === 'ECONNRESET' || !socket.writable || connections.isAnswering(socket)) {
    socket.destroySoon();
    return;
  }
  const { status, message, code } = REFUSALS[error.code ?? ''] ?? NOT_HTTP;
  const body = bodyOf({ message, param: null, code });
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      `x-request-id: ${newRequestId()}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/** Answers an `Expect` that nobody knows. `100-continue` is Node's own. */
function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const message = 'Expect: this server knows 100-continue only';
  const body = bodyOf({ message, param: 'Expect', code: NOT_HTTP.code });
  response.writeHead(417, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'x-request-id': newRequestId(),
    connection: 'close',
  });
  response.end(body);
}

function bodyOf(error: { message: string; param: string | null; code: string }): string {
  const { message, param, code } = error;
  return JSON.stringify({ error: { message, type: 'invalid_request_error', param, code } });
}
