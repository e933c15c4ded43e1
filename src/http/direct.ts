/**
 * Routes that a gateway calls for each of its requests run without Nest's pipeline, which took a tenth of their time. They have no
 * second description: role, schemas and status are read from the controller's decorators, and the guard, the parser and the error
 * filter are those of every other route.
 */
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import type { FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify';
import { z } from 'zod';
import { assert } from '../domain/errors.js';
import type { AuthGuard } from './auth.guard.js';
import type { ErrorFilter } from './error.filter.js';
import { principalOf, readCaller } from './principal.js';
import { directRoute, type DirectRoute } from './route.js';
import { parseRequest } from './schema.pipe.js';

type Method = (...args: unknown[]) => unknown;
type Read = (request: FastifyRequest) => unknown;

export class DirectDoor {
  constructor(
    private readonly errors: ErrorFilter,
    private readonly guard: () => AuthGuard,
    private readonly controllerOf: (type: DirectRoute['controller']) => unknown,
  ) {}

  /** What serves this route in place of Nest's handler; undefined where that stays. */
  handlerOf({ method, url }: { method: string | string[]; url: string }): RouteHandlerMethod | undefined {
    // Fastify adds a HEAD for every GET.
    const verb = method === 'HEAD' ? 'GET' : String(method);
    const route = directRoute(`${verb} ${url}`);
    if (route === undefined) return undefined;
    const serve = this.serverOf(route);
    return (request, reply) => void serve(request, reply);
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
        void reply.code(status).send(body);
      } catch (error) {
        this.errors.answer(error, request, reply);
      }
    };
  }

  private methodOf({ controller, method }: DirectRoute): Method {
    const instance = Object(this.controllerOf(controller)) as Record<string, Method>;
    const call = instance[method];
    assert(call !== undefined, `${controller.name} has ${method}`);
    return call.bind(instance);
  }
}

type Argument = { index: number; data?: string; schema?: unknown; factory?: unknown };

/** How each argument of the method is read, by the decorators of its parameters. */
function readsOf({ controller, method }: DirectRoute): Read[] {
  const found: unknown = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method);
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
