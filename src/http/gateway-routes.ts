/**
 * Routes that a gateway calls for each of its requests. They are plain Fastify routes of the adapter's own instance, registered before
 * Nest adds its hooks: Nest's hooks and pipeline took an eighth of a call's time. Keys, schemas, errors, request ids and metrics work as
 * on every other route, and the API's document describes them from the same data.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { ErrorFilter } from './error-filter.js';
import { accessOfSpec, type Access, type RouteSpec, type Verb } from './route.js';
import { parseRequest } from './schema-pipe.js';

/** `Calls` is the service that the route calls. */
export type GatewayRoute<Calls> = RouteSpec & {
  readonly method: Verb;
  /** With parameters as `:id`. */
  readonly path: string;
  /** As in the document: `Quota.reserve`. */
  readonly operationId: string;
  readonly params?: z.ZodType;
  readonly body?: z.ZodType;
  /** Runs once the key is admitted, with the parsed `params` and `body`. */
  readonly answer: (
    calls: Calls,
    request: { readonly params: never; readonly body: never; readonly raw: FastifyRequest },
  ) => Promise<object>;
};

export type GatewayServices<Calls> = {
  readonly calls: Calls;
  readonly guard: {
    /** Sets the request's principal, or throws. Returns no promise for a key that was seen a moment ago, as most are. */
    admit(request: FastifyRequest, access: Access): Promise<void> | void;
  };
};

export type GatewayApi<Calls> = {
  readonly routes: readonly GatewayRoute<Calls>[];
  /** Called at a route's first request, because Fastify is ready before the services are. */
  readonly services: () => GatewayServices<Calls>;
};

export function registerGatewayRoutes<Calls>(
  fastify: FastifyInstance,
  errors: ErrorFilter,
  api: GatewayApi<Calls>,
): void {
  // A context inherits the hooks that were added before it, and none that are added later.
  void fastify.register(async (context) => {
    context.setErrorHandler((error: Error, request, reply) => errors.answer(error, request, reply));
    for (const route of api.routes) {
      const serve = serverOf(route, errors, api);
      context.route({
        method: route.method,
        url: route.path,
        handler: (request, reply) => void serve(request, reply),
      });
    }
  });
}

function serverOf<Calls>(
  route: GatewayRoute<Calls>,
  errors: ErrorFilter,
  api: GatewayApi<Calls>,
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const { params, body, status = 200, answer } = route;
  const access = accessOfSpec(route);
  let services: GatewayServices<Calls> | null = null;
  return async (request, reply) => {
    try {
      services ??= api.services();
      const admission = services.guard.admit(request, access);
      if (admission !== undefined) await admission;
      const given = {
        params: params === undefined ? undefined : parseRequest(params, request.params, 'param'),
        body: body === undefined ? undefined : parseRequest(body, request.body, 'body'),
        raw: request,
      };
      const answered = await answer(services.calls, given as never);
      // Fastify sends text as it is, but would look through an object before it writes it.
      void reply.code(status).header('content-type', JSON_TYPE).send(JSON.stringify(answered));
    } catch (error) {
      errors.answer(error, request, reply);
    }
  };
}

const JSON_TYPE = 'application/json; charset=utf-8';
