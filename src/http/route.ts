/** One decorator says all of a route: method and path, who may call it, what it answers. The API's document is made from it. */
import { applyDecorators, Delete, Get, HttpCode, Patch, Post, Put, type Type } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiConsumes,
  ApiDefaultResponse,
  ApiHeader,
  ApiOperation,
  ApiProduces,
  ApiResponse,
} from '@nestjs/swagger';
import type { z } from 'zod';
import { assert } from '../domain/errors.js';
import type { KeyRole } from '../domain/key-roles.js';
import { ErrorBody } from './errors.schema.js';

export type Access = {
  readonly role: KeyRole | 'anyone';
  /** Other roles that may call it. */
  readonly alsoFor: readonly KeyRole[];
  /** True where the route concerns all entities at once, so that a key bound to one may not call it. */
  readonly allEntities: boolean;
};

type Verb = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export type RouteSpec = {
  readonly role: Access['role'];
  readonly alsoFor?: Access['alsoFor'];
  readonly allEntities?: boolean;
  readonly summary: string;
  readonly answers?: z.ZodType;
  readonly status?: number;
  /** True where the route takes an `Idempotency-Key`. */
  readonly idempotent?: boolean;
  readonly headers?: readonly { name: string; required: boolean; description: string }[];
  readonly consumes?: readonly string[];
  readonly produces?: string;
  /** True where a gateway calls it for each of its requests: it runs without Nest's pipeline (direct.ts). */
  readonly isDirect?: boolean;
};

export type DirectRoute = {
  readonly method: Verb;
  readonly url: string;
  readonly access: Access;
  readonly status: number;
  /** What serves it: a method of this name. */
  readonly controller: Type;
  readonly name: string;
};

const VERBS = new Map(Object.entries({ GET: Get, POST: Post, PUT: Put, PATCH: Patch, DELETE: Delete }));

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  required: false,
  description: 'The same key with the same request gets the stored answer again.',
};

const accesses = new WeakMap<object, Access>();
const direct: DirectRoute[] = [];

/** `@Route('POST /v1/admin/keys', {…})`; the path is whole, so that a search for it finds the route. */
export function Route(call: `${Verb} /${string}`, spec: RouteSpec): MethodDecorator {
  const [verb, path] = call.split(' ') as [Verb, string];
  const method = VERBS.get(verb);
  assert(method, `${verb} is a verb that routes have`);
  const status = spec.status ?? 200;
  const { role, alsoFor = [], allEntities = false } = spec;
  const access: Access = { role, alsoFor, allEntities };
  const headers = [...(spec.headers ?? []), ...(spec.idempotent ? [IDEMPOTENCY_KEY] : [])];
  return applyDecorators(
    method(path),
    HttpCode(status),
    setAccess(access),
    ...(spec.isDirect ? [setDirect({ method: verb, url: path, access, status })] : []),
    ApiOperation({ summary: spec.summary, description: `Key role: ${[role, ...alsoFor].join(' or ')}.` }),
    ApiResponse({
      status,
      description: spec.summary,
      ...(spec.answers ? { standardSchema: spec.answers } : {}),
    }),
    ...headers.map((header) => ApiHeader({ ...header, schema: { type: 'string' } })),
    ...(spec.consumes ? [ApiConsumes(...spec.consumes)] : []),
    ...(spec.produces ? [ApiProduces(spec.produces)] : []),
    ...(spec.role === 'anyone'
      ? []
      : [ApiBearerAuth(), ApiDefaultResponse({ description: 'An error', standardSchema: ErrorBody })]),
  );
}

export function accessOf(handler: object): Access | undefined {
  return accesses.get(handler);
}

export function directRoutes(): readonly DirectRoute[] {
  return direct;
}

function setDirect(route: Omit<DirectRoute, 'controller' | 'name'>): MethodDecorator {
  return ({ constructor }, name) => {
    direct.push({ ...route, controller: constructor as Type, name: String(name) });
  };
}

function setAccess(access: Access): MethodDecorator {
  return (_target, _name, descriptor) => {
    accesses.set(Object(descriptor.value), access);
  };
}
