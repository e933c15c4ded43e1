/** One decorator describes a route: method, path, who may call it, what it answers. The API's document is made from it. */
import { applyDecorators, Delete, Get, HttpCode, Patch, Post, Put, SetMetadata } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiConsumes,
  ApiHeader,
  ApiOperation,
  ApiProduces,
  ApiResponse,
} from '@nestjs/swagger';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyContextConfig } from 'fastify';
import type { z } from 'zod';
import { assert } from '../domain/errors.js';
import type { KeyRole } from '../domain/key-roles.js';
import { headersNamed } from './document-headers.js';
import { LAG_HEADER } from './lag-header.js';

/**
 * What of the entities a route touches: nothing that needs a key (`public`), that of its path (`entity`), those that its handler narrows to the
 * caller's (`own`), or all of them, which a bound key may not (`all`).
 */
export type Scope = 'public' | 'entity' | 'own' | 'all';

const SCOPES: ReadonlySet<Scope> = new Set<Scope>(['public', 'entity', 'own', 'all']);

export type Access = {
  readonly role: KeyRole | 'anyone';
  /** Other roles that may call it. */
  readonly alsoFor: readonly KeyRole[];
  readonly scope: Scope;
};

export type Verb = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export type RequestHeader = {
  readonly name: string;
  readonly required: boolean;
  readonly description: string;
  /** What it must be, for the document. */
  readonly pattern: RegExp;
  readonly example?: string;
};

export type RouteSpec = {
  readonly role: Access['role'];
  readonly alsoFor?: Access['alsoFor'];
  readonly scope: Scope;
  readonly summary: string;
  readonly answers?: z.ZodType;
  readonly status?: number;
  /** Another status that has the same body. */
  readonly alsoStatus?: number;
  /** True where the route takes an `Idempotency-Key`. */
  readonly idempotent?: boolean;
  readonly headers?: readonly RequestHeader[];
  /** True where the answer has an `ETag`. */
  readonly tagged?: boolean;
  /** True where it may be read from a standby, which the answer then tells. */
  readonly lags?: boolean;
  /** A body that works as it is sent, where its schema has none. */
  readonly example?: object;
  readonly consumes?: readonly string[];
  /** Where the handler reads the body itself, with `@BodyStream()`: what it is. */
  readonly streamsBody?: string;
  /** Of a body that is streamed: other types than JSON's. The document shows one, because generators make a method of each. */
  readonly alsoConsumes?: readonly string[];
  readonly produces?: string;
  /** Other types that the handler answers where `Accept` asks for them. */
  readonly alsoProduces?: readonly string[];
  /** Where the body may be longer than usual. */
  readonly bodyBytesMax?: number;
  /** True where a gateway waits for the answer. */
  readonly isHot?: boolean;
};

const JSON_TYPE = 'application/json';

const VERBS = new Map(Object.entries({ GET: Get, POST: Post, PUT: Put, PATCH: Patch, DELETE: Delete }));

export const IDEMPOTENCY_KEY: RequestHeader = {
  name: 'Idempotency-Key',
  required: false,
  pattern: /^[\x20-\x7e]{1,255}$/,
  description: 'The same key with the same request gets the stored answer again.',
};

/** The metadata key of a handler's access. */
const ACCESS = Symbol('access');

/** `@Route('POST /v1/admin/keys', {…})`: with the whole path, so that a search finds the route. */
export function Route(call: `${Verb} /${string}`, spec: RouteSpec): MethodDecorator {
  const [verb, path] = call.split(' ') as [Verb, string];
  const method = VERBS.get(verb);
  assert(method, `${verb} is a verb that routes have`);
  const status = spec.status ?? 200;
  const headers = [...(spec.headers ?? []), ...(spec.idempotent ? [IDEMPOTENCY_KEY] : [])];
  return applyDecorators(
    method(path),
    HttpCode(status),
    SetMetadata(ACCESS, accessOfSpec(path, spec)),
    RouteConfig(configOf(path, spec)),
    ApiOperation({ summary: spec.summary, description: descriptionOf(spec) }),
    ApiResponse({
      status,
      description: spec.summary,
      headers: answerHeadersOf(spec),
      ...answerOf(spec),
    }),
    ...(spec.alsoStatus === undefined || !spec.answers
      ? []
      : [ApiResponse({ status: spec.alsoStatus, description: spec.summary, standardSchema: spec.answers })]),
    ...headers.map(({ name, required, description, example, pattern }) =>
      ApiHeader({
        name,
        required,
        description,
        schema: { type: 'string', pattern: pattern.source },
        ...(example !== undefined && { example }),
      }),
    ),
    ...(spec.streamsBody === undefined
      ? []
      : [ApiBody({ description: spec.streamsBody, schema: { type: 'object', example: spec.example } })]),
    ...(spec.consumes ? [ApiConsumes(...spec.consumes)] : []),
    ...(spec.produces ? [ApiProduces(spec.produces)] : []),
    ...(spec.role === 'anyone' ? [] : [ApiBearerAuth()]),
  );
}

/** What is known of the route before its body is read (doors.ts). */
export function configOf(path: string, spec: RouteSpec): FastifyContextConfig {
  const {
    produces = JSON_TYPE,
    alsoProduces = [],
    bodyBytesMax,
    streamsBody,
    alsoConsumes = [],
    isHot = false,
  } = spec;
  return {
    access: accessOfSpec(path, spec),
    // The routes for anyone are for people and machines of all kinds, and a gateway hands its caller's headers on.
    ...(spec.scope === 'public' || isHot ? {} : { produces: [produces, ...alsoProduces] }),
    ...(bodyBytesMax === undefined ? {} : { bodyBytesMax }),
    streamsBody: streamsBody !== undefined,
    alsoConsumes,
    lags: spec.lags === true,
    isHot,
  };
}

export function accessOf(handler: object): Access | undefined {
  return Reflect.getMetadata(ACCESS, handler) as Access | undefined;
}

/** A route whose path names an entity is of that entity's scope, and no other is; one that says nothing is none. */
export function accessOfSpec(path: string, { role, alsoFor = [], scope }: RouteSpec): Access {
  assert(SCOPES.has(scope), `${path} states its scope`);
  assert((scope === 'public') === (role === 'anyone'), `${path} is open to anyone, or asks for a role`);
  assert((scope === 'entity') === /:entity\b/.test(path), `${path} states its scope as its path does`);
  return { role, alsoFor, scope };
}

/** For the API's document: an answer without a schema is text. */
function answerOf({ answers, produces }: RouteSpec): object {
  if (answers !== undefined) return { standardSchema: answers };
  return produces === undefined ? {} : { content: { [produces]: { schema: { type: 'string' } } } };
}

/** For the API's document: headers of the answer that only some routes have. */
export function answerHeadersOf({
  tagged = false,
  lags = false,
}: RouteSpec): Record<string, { $ref: string }> {
  return headersNamed([...(tagged ? ['ETag'] : []), ...(lags ? [LAG_HEADER] : [])]);
}

/** For the API's document. */
export function descriptionOf({ role, alsoFor = [] }: RouteSpec): string {
  return role === 'anyone' ? 'Needs no key.' : `Key role: ${[role, ...alsoFor].join(' or ')}.`;
}
