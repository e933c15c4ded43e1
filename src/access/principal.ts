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
  /** The only source that events may name which this key reports; null: any. */
  readonly source: string | null;
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

/** What is not there. A bound key gets it for another entity's id too, so it learns nothing about others. */
export function missing(what: string): TallyError {
  return new TallyError('not_found', `no ${what}`);
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
