/**
 * Routes that a gateway calls for each of its requests run without Nest's pipeline and the hooks of its adapter, which took an eighth
 * of their time. They have no second description: role, schemas and status are read from the controller's decorators, and the
 * guard, the parser and the error filter are those of every other route. A call that is written in another way than gateways
 * write it, with a query say, takes Nest's way to the same answer.
 */
import type { IncomingMessage } from 'node:http';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { assert } from '../domain/errors.js';
import type { AuthGuard } from '../access/auth-guard.js';
import type { ErrorFilter } from './error-filter.js';
import { principalOf, readCaller } from '../access/principal.js';
import { directRoutes, type DirectRoute } from './route.js';
import { parseRequest } from './schema-pipe.js';

type Method = (...args: unknown[]) => unknown;
type Read = (request: FastifyRequest) => unknown;

/** What an id of ours looks like in a path, and nothing that would have to be decoded. */
const PLAIN_ID = String.raw`[\w.-]{1,256}`;

export class DirectDoor {
  /** Paths by method. */
  private readonly paths = new Map<string, RegExp[]>();

  constructor(
    private readonly errors: ErrorFilter,
    private readonly guard: () => AuthGuard,
    private readonly controllerOf: (type: DirectRoute['controller']) => unknown,
  ) {}

  /** Adds the routes to a server of theirs, which stands before Nest's. */
  register(fastify: FastifyInstance): void {
    for (const route of directRoutes()) {
      const { method, url } = route;
      const serve = this.serverOf(route);
      fastify.route({ method, url, handler: (request, reply) => void serve(request, reply) });
      const path = new RegExp(`^${url.replace(/:\w+/g, PLAIN_ID)}$`);
      this.paths.set(method, [...(this.paths.get(method) ?? []), path]);
    }
  }

  isFor({ method = '', url = '' }: IncomingMessage): boolean {
    const paths = this.paths.get(method);
    return paths !== undefined && paths.some((path) => path.test(url));
  }

  private serverOf(route: DirectRoute): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
    const { access, status } = route;
    const reads = readsOf(route);
    let guard: AuthGuard | null = null;
    let call: Method | null = null;
    return async (request, reply) => {
      try {
        guard ??= this.guard();
        const admission = guard.admit(request, access);
        if (admission !== undefined) await admission;
        call ??= this.methodOf(route);
        const body = await call(...reads.map((read) => read(request)));
        // As text it is sent as it is; Fastify looks an object over before it writes it.
        void reply.code(status).header('content-type', JSON_TYPE).send(JSON.stringify(body));
      } catch (error) {
        this.errors.answer(error, request, reply);
      }
    };
  }

  private methodOf({ controller, name }: DirectRoute): Method {
    const instance = Object(this.controllerOf(controller)) as Record<string, Method>;
    const call = instance[name];
    assert(call !== undefined, `${controller.name} has ${name}`);
    return call.bind(instance);
  }
}

const JSON_TYPE = 'application/json; charset=utf-8';

type Argument = { index: number; data?: string; schema?: unknown; factory?: unknown };

/** How each argument of the method is read, by the decorators of its parameters. */
function readsOf({ controller, name }: DirectRoute): Read[] {
  const found: unknown = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name);
  const reads: Read[] = [];
  for (const [key, argument] of Object.entries(Object(found) as Record<string, Argument>)) {
    reads[argument.index] = readOf(Number(key.split(':')[0]), argument);
  }
  return reads;
}

function readOf(kind: RouteParamtypes, { data = '', schema, factory }: Argument): Read {
  if (factory === readCaller) return principalOf;
  if (kind === RouteParamtypes.HEADERS) return ({ headers }) => headers[data];
  const isBody = kind === RouteParamtypes.BODY;
  assert(isBody || kind === RouteParamtypes.PARAM, 'a direct route takes body, path, headers and caller');
  assert(schema instanceof z.ZodType, 'every body and path has a zod schema');
  return isBody
    ? ({ body }) => parseRequest(schema, body, 'body')
    : ({ params }) => parseRequest(schema, params, 'param');
}
