/** Who is asking: the API key behind a request, and what it may do. */
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

/** The key behind a request that the guard let through. */
export function principalOf({ principal }: FastifyRequest): Principal {
  assert(principal !== null, 'the guard has set the principal');
  return principal;
}

/** What `@Caller()` gives to a handler; routes that run without Nest's pipeline know it by this function. */
export function readCaller(_: unknown, context: ExecutionContext): Principal {
  return principalOf(context.switchToHttp().getRequest<FastifyRequest>());
}

export const Caller = createParamDecorator(readCaller);

export function forbidden(): TallyError {
  return new TallyError('insufficient_permissions', 'Your API key does not have access to this resource');
}

/** The one rule of scope: a key bound to an entity can do nothing to another. */
export function requireEntity(principal: Principal, entity: string | null): void {
  if (principal.entity !== null && principal.entity !== entity) throw forbidden();
}

/**
 * For what is found by its id alone. A bound key's search names its entity in the SQL, so for it "another's" and "does not
 * exist" are one answer, which tells nothing about others.
 */
export function missing(principal: Principal, what: string): TallyError {
  return principal.entity === null ? new TallyError('not_found', `no ${what}`) : forbidden();
}

/** What is found by its id alone, or the answer of `missing`. */
export async function found<T>(principal: Principal, what: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof TallyError && error.code === 'not_found') throw missing(principal, what);
    throw error;
  }
}

/**
 * The entity that a list is narrowed to: the key's own, else the one that was asked for by itself or in a subject, else all.
 * Throws where the two contradict each other.
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
