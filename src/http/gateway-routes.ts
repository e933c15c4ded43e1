/**
 * Routes that a gateway calls for each of its requests. They are plain Fastify routes of the adapter's own instance, without Nest's
 * pipeline, and the usual call does not even reach Fastify (gateway-fast-path.ts). Keys, schemas, errors, request ids and metrics work
 * as on every other route, and the API's document describes them from the same data.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { ErrorFilter } from './error-filter.js';
import { accessOfSpec, configOf, type Access, type RouteSpec, type Verb } from './route.js';
import { parseRequest } from './schema-pipe.js';
import { requireNothing } from './unknown-fields.js';

/** `Calls` is the service that the route calls. */
export type GatewayRoute<Calls> = RouteSpec & {
  readonly method: Verb;
  /** With parameters as `:id`. */
  readonly path: string;
  /** As in the document: `Quota.reserve`. */
  readonly operationId: string;
  readonly params?: z.ZodType;
  readonly body?: z.ZodType;
  /** An example of the body that is good for some weeks from then on. */
  readonly exampleAt?: (at: Date) => object;
  /** What `params` and `body` give for the usual request, in a fraction of their time; null where only they can tell. */
  readonly usual?: (request: Pick<GatewayRequest, 'params' | 'body' | 'headers'>) => Parsed | null;
  /** Runs once the key is admitted, with the parsed `params` and `body`. */
  readonly answer: (
    calls: Calls,
    request: { readonly params: never; readonly body: never; readonly raw: GatewayRequest },
  ) => Promise<object>;
  /** Where the answer decides it; else it is `status`. */
  readonly statusOf?: (answered: object) => number;
};

type Parsed = { readonly params: unknown; readonly body: unknown };

/** The same routes where there are more services than the one that they call. */
export function routesOn<All, Calls>(
  routes: readonly GatewayRoute<Calls>[],
  pick: (all: All) => Calls,
): GatewayRoute<All>[] {
  return routes.map((route) => ({
    ...route,
    answer: (all, request) => route.answer(pick(all), request),
  }));
}

/** What Fastify's requests and those of the fast path have in common. */
export type GatewayRequest = {
  readonly id: string;
  readonly raw: Pick<IncomingMessage, 'method' | 'url' | 'socket'>;
  readonly headers: IncomingHttpHeaders;
  readonly params: unknown;
  readonly body: unknown;
  principal: FastifyRequest['principal'];
};

export type GatewayServices<Calls> = {
  readonly calls: Calls;
  readonly guard: {
    /** Sets the request's principal, or throws. Returns no promise for a key that was seen a moment ago, as most are. */
    admit(request: GatewayRequest, access: Access): Promise<void> | void;
    /** Writes down that the caller had no right to what it asked for, if that is why it failed. */
    noteRefusal(request: GatewayRequest, error: unknown): void;
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
  // Fastify gives a context also the hooks that are added after it, so Nest's run here too.
  void fastify.register(async (context) => {
    context.setErrorHandler((error: Error, request, reply) => errors.answer(error, request, reply));
    for (const route of api.routes) {
      const serve = serverOf(route, errors, api);
      context.route({
        method: route.method,
        url: route.path,
        config: configOf(route.path, { ...route, isHot: true }),
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
  const answerer = answererOf(route, api);
  return async (request, reply) => {
    try {
      requireNothing('query', request.query);
      const { status, text } = await answerer.answer(request);
      // Fastify sends text as it is, but would look through an object before it writes it.
      void reply.code(status).header('content-type', JSON_TYPE).send(text);
    } catch (error) {
      errors.answer(error, request, reply);
    }
  };
}

export type Answerer = {
  /** Throws where the key may not call. Needs the headers and the path alone. */
  admit(request: GatewayRequest): Promise<void> | void;
  /** Parses, and returns the answer as JSON. The key was admitted. */
  answer(request: GatewayRequest): Promise<{ readonly status: number; readonly text: string }>;
};

export function answererOf<Calls>(route: GatewayRoute<Calls>, api: GatewayApi<Calls>): Answerer {
  const { usual, answer, status = 200, statusOf } = route;
  const access = accessOfSpec(route.path, route);
  let made: GatewayServices<Calls> | null = null;
  const services = () => (made ??= api.services());
  const noted = (request: GatewayRequest, error: unknown): never => {
    services().guard.noteRefusal(request, error);
    throw error;
  };
  return {
    admit(request) {
      try {
        return services()
          .guard.admit(request, access)
          ?.catch((error: unknown) => noted(request, error));
      } catch (error) {
        return noted(request, error);
      }
    },
    async answer(request) {
      try {
        const { params, body } = usual?.(request) ?? parsed(route, request);
        const given = { params, body, raw: request };
        const answered = await answer(services().calls, given as never);
        return { status: statusOf?.(answered) ?? status, text: JSON.stringify(answered) };
      } catch (error) {
        return noted(request, error);
      }
    },
  };
}

function parsed<Calls>({ params, body }: GatewayRoute<Calls>, request: GatewayRequest): Parsed {
  return {
    params: params === undefined ? undefined : parseRequest(params, request.params, 'param'),
    body: body === undefined ? undefined : parseRequest(body, request.body, 'body'),
  };
}

export const JSON_TYPE = 'application/json; charset=utf-8';
