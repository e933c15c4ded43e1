/** Lets a request through where its key exists, has the role that the route names, and is not bound to another entity. */
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { assert, TallyError } from '../domain/errors.js';
import type { KeyRole } from '../store/api-keys.js';
import { ApiKeys } from './api-keys.service.js';
import { forbidden, requireEntity, setPrincipal } from './principal.js';
import { accessOf } from './route.js';

@Injectable()
export class AuthGuard implements CanActivate {
  constructor(private readonly keys: ApiKeys) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = accessOf(context.getHandler());
    assert(access !== undefined, 'every route says who may call it');
    if (access.role === 'anyone') return true;
    const request = context.switchToHttp().getRequest<FastifyRequest<{ Params: { entity?: string } }>>();
    const secret = bearerOf(request.headers.authorization);
    const principal = secret === null ? null : await this.keys.authenticate(secret);
    if (principal === null) throw new TallyError('invalid_api_key', 'Invalid Authentication');
    if (![access.role, ...access.alsoFor].some((role) => mayAct(principal.role, role))) throw forbidden();
    if (access.allEntities) requireEntity(principal, null);
    if (request.params.entity !== undefined) requireEntity(principal, request.params.entity);
    setPrincipal(request, principal);
    return true;
  }
}

/** An admin may do everything that the others may. */
function mayAct(role: KeyRole, asked: KeyRole): boolean {
  return role === asked || role === 'admin';
}

/** The secret of `Authorization: Bearer …`, or null. */
function bearerOf(header: string | undefined): string | null {
  return /^Bearer +([\x21-\x7e]{1,512}) *$/i.exec(header ?? '')?.[1] ?? null;
}
