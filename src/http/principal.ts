/** Who is asking: the API key behind a request, and what it may do. */
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { assert, TallyError } from '../domain/errors.js';
import type { EntityName } from '../domain/ids.js';
import type { KeyRole } from '../store/api-keys.js';

export type Principal = {
  readonly keyId: string;
  readonly role: KeyRole;
  /** The only entity that this key may touch; null: any. */
  readonly entity: EntityName | null;
};

const principals = new WeakMap<FastifyRequest, Principal>();

export function setPrincipal(request: FastifyRequest, principal: Principal): void {
  principals.set(request, principal);
}

/** The key behind a request that the guard let through. */
export function principalOf(request: FastifyRequest): Principal {
  const principal = principals.get(request);
  assert(principal !== undefined, 'the guard has set the principal');
  return principal;
}

export const Caller = createParamDecorator((_: unknown, context: ExecutionContext) =>
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
 * For what is found by its id alone. A bound key's search names its entity in the SQL, so for it "another's" and "does not
 * exist" are one answer, which tells nothing about others.
 */
export function missing(principal: Principal, what: string): TallyError {
  return principal.entity === null ? new TallyError('not_found', `no ${what}`) : forbidden();
}
