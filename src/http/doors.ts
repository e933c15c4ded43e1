/**
 * What is decided on the headers, before a byte of the body is read: whether there is such a route, whether the key may call it, and
 * whether the body may be so long and the answer of the asked type. A caller without a key costs no more than that.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { TallyError } from '../domain/errors.js';
import type { ErrorFilter } from './error-filter.js';
import { KnownPaths } from './known-paths.js';
import { acceptsAny } from './accept-header.js';
import type { Access } from './route.js';
import { Turns } from './turns.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** True once the key may call the route. */
    isAdmitted: boolean;
  }
  interface FastifyContextConfig {
    access?: Access;
    /** Where it is more than usual. */
    bodyBytesMax?: number;
    /** Media types of the answer; without them `Accept` is not looked at. */
    produces?: readonly string[];
    /** Media types of a streamed body, beside JSON's. */
    alsoConsumes?: readonly string[];
    /** True where the handler reads the body itself. */
    streamsBody?: boolean;
    /** True where a gateway waits for the answer: it is short and not compressed. */
    isHot?: boolean;
  }
}

/** No body but usage and price maps is longer than a few KiB. */
const BODY_BYTES_USUAL = 64 * 1024;

export type Doors = {
  readonly errors: ErrorFilter;
  /** Called at the first request, because Fastify is ready before the services are. */
  readonly guard: () => { enter(request: FastifyRequest, access: Access): Promise<void> | void };
};

export function equipDoors(fastify: FastifyInstance, { errors, guard }: Doors): void {
  const paths = new KnownPaths();
  const turns = new Turns();
  fastify.decorateRequest('isAdmitted', false);
  fastify.addHook('onRoute', (route) => {
    route.bodyLimit ??= route.config?.bodyBytesMax ?? BODY_BYTES_USUAL;
    if (route.config?.isHot === true) route.compress = false;
    paths.add(route.method, route.url);
  });
  // After the headers of CORS, which a page needs to read a refusal.
  /** False where it has answered. */
  const enter = async (request: FastifyRequest, reply: FastifyReply): Promise<boolean> => {
    const path = request.url.split('?', 1)[0] ?? '';
    if (request.is404 || request.method === 'OPTIONS' || paths.isMistaken(path, request.routeOptions.url))
      return answerUnknown(paths, path, request, reply);
    const { access, produces, isHot } = request.routeOptions.config;
    if (access !== undefined && access.scope !== 'public') {
      await guard().enter(request, access);
      request.isAdmitted = true;
    }
    const entity = request.principal?.entity ?? null;
    if (entity !== null && isHot !== true) await turns.take(entity, reply.raw);
    requireShortBody(request);
    requireAcceptable(request, produces);
    return true;
  };
  // What follows is called only for who may go on: an answer need not be on its way yet when this ends.
  const pass = async (request: FastifyRequest, reply: FastifyReply, next: () => void): Promise<void> => {
    try {
      if (!(await enter(request, reply))) return;
    } catch (error) {
      if (!isShort(request)) void reply.header('connection', 'close');
      errors.answer(error, request, reply);
      return;
    }
    next();
  };
  const plugin = async (context: FastifyInstance): Promise<void> => {
    context.addHook('onRequest', (request, reply, done) => void pass(request, reply, done));
    context.addHook('onSend', (_request, reply, _payload, done) => {
      turns.answered(reply.raw);
      done();
    });
  };
  void fastify.register(Object.assign(plugin, { [Symbol.for('skip-override')]: true }));
}

function answerUnknown(
  paths: KnownPaths,
  path: string,
  { method }: FastifyRequest,
  reply: FastifyReply,
): false {
  const allowed = paths.methodsOf(path);
  if (allowed.length === 0)
    throw new TallyError('not_found', `Unknown request URL: ${method} ${path.slice(0, 256)}`);
  const allow = allowed.join(', ');
  void reply.header('allow', allow);
  if (method === 'OPTIONS') {
    void reply.code(204).send();
    return false;
  }
  throw new TallyError('method_not_allowed', `${method} is not a method of this URL; it has ${allow}`);
}

function requireShortBody(request: FastifyRequest): void {
  const { bodyLimit, config } = request.routeOptions;
  if (config.streamsBody === true || lengthOf(request) <= bodyLimit) return;
  throw new TallyError('payload_too_large', `The request body is larger than ${sizeOf(bodyLimit)}`);
}

export function sizeOf(bytes: number): string {
  return bytes >= 1024 * 1024 ? `${bytes / 1024 / 1024} MiB` : `${bytes / 1024} KiB`;
}

function requireAcceptable({ headers }: FastifyRequest, produces: readonly string[] | undefined): void {
  if (produces === undefined || headers.accept === undefined || acceptsAny(headers.accept, produces)) return;
  throw new TallyError('not_acceptable', `Accept: this URL answers ${produces.join(' or ')}`, {
    param: 'Accept',
  });
}

/** What is left of a longer body would be read to its end before the next request of the connection. */
function isShort(request: FastifyRequest): boolean {
  return request.headers['transfer-encoding'] === undefined && lengthOf(request) <= BODY_BYTES_USUAL;
}

function lengthOf({ headers }: FastifyRequest): number {
  return Number(headers['content-length'] ?? 0);
}
