/** The caller: the API key of a request, and what it may do. */
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { assert, TallyError } from '../domain/errors.js';
import type { EntityName, Subject } from '../domain/ids.js';
import type { KeyRole } from '../domain/key-roles.js';

export type Principal = {
  readonly keyId: string;
  readonly role: KeyRole;
  /** The only entity that this key may touch; null: any. */
  readonly entity: EntityName | null;
};

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard. */
    principal: Principal | null;
  }
}

/** The caller of a request that the guard admitted. */
export function principalOf({ principal }: Pick<FastifyRequest, 'principal'>): Principal {
  assert(principal !== null, 'the guard has set the principal');
  return principal;
}

/** The caller, as a handler's argument. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Principal =>
  principalOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

export function forbidden(): TallyError {
  return new TallyError('insufficient_permissions', 'Your API key does not have access to this resource');
}

/** The one rule of scope: a key bound to an entity can do nothing to another. */
export function requireEntity(principal: Principal, entity: string | null): void {
  if (principal.entity !== null && principal.entity !== entity) throw forbidden();
}

/**
 * The error for an id that was not found. A bound key gets the same answer for another entity's id as for one that does not exist, so
 * it learns nothing about others.
 */
export function missing(principal: Principal, what: string): TallyError {
  return principal.entity === null ? new TallyError('not_found', `no ${what}`) : forbidden();
}

/** Awaits a search by id; `not_found` becomes the error of `missing`. */
export async function found<T>(principal: Principal, what: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof TallyError && error.code === 'not_found') throw missing(principal, what);
    throw error;
  }
}

/**
 * The entity that a list is restricted to: the key's own, or the requested one (alone or in a subject), or null for all. Throws where
 * these contradict each other.
 */
export function scopeOf(
  principal: Principal,
  { entity, subject }: { entity?: string | undefined; subject?: Subject | undefined },
): string | null {
  if (entity !== undefined && subject !== undefined && entity !== subject.entity)
    throw new TallyError('invalid_request', 'entity must be that of the subject', { param: 'entity' });
  const asked = entity ?? subject?.entity;
  if (asked !== undefined) requireEntity(principal, asked);
  return asked ?? principal.entity;
}
