/** Admits a request whose key exists and is not revoked (api-keys.ts), has the route's role, and is not bound to another entity. */
import type { IncomingMessage } from 'node:http';
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { assert } from '../domain/errors.js';
import type { KeyRole } from '../domain/key-roles.js';
import { ApiKeys, hashOf } from './api-keys.js';
import { BadKeys, unauthenticated } from './bad-keys.js';
import { KeyUse } from './key-use.js';
import { forbidden, type Principal } from './principal.js';
import { Refusals } from './refusals.js';
import { Sessions, tokenIn } from './sessions.js';
import { refusedOf } from './refused-call.js';
import { accessOf, type Access, type Scope } from '../http/route.js';

type Asked = Pick<FastifyRequest, 'id' | 'headers' | 'params' | 'principal'> & {
  readonly raw: Pick<IncomingMessage, 'method' | 'url' | 'socket'>;
};

@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly keys: ApiKeys,
    private readonly badKeys: BadKeys,
    private readonly refusals: Refusals,
    private readonly use: KeyUse,
    private readonly sessions: Sessions,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = accessOf(context.getHandler());
    assert(access !== undefined, 'every route says who may call it');
    if (access.scope === 'public') return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (!request.isAdmitted) await this.enter(request, access);
    return true;
  }

  /** Called with the headers of a request, before its body is read (http/doors.ts). */
  async enter(request: FastifyRequest, access: Access): Promise<void> {
    try {
      await this.admit(request, access);
    } catch (error) {
      if (request.routeOptions.config.isHot === true) this.noteRefusal(request, error);
      else if (request.principal !== null)
        await this.refusals.note(error, refusedOf(request, request.principal));
      throw error;
    }
  }

  /** For routes without Nest's pipeline. Only what the key has no right to is written down: other refusals are a gateway's daily work. */
  noteRefusal(request: Asked, error: unknown): void {
    if (request.principal === null) return;
    void this.refusals.note(error, { ...refusedOf(request, request.principal), changes: false });
  }

  /** Sets the request's principal, or throws. Returns no promise for a key that was seen a moment ago, as most are. */
  admit(request: Asked, access: Access): Promise<void> | void {
    const { authorization } = request.headers;
    if (authorization === undefined) {
      if (tokenIn(request.headers.cookie) === null) throw this.badKeys.missing();
      return this.enterSession(request, access);
    }
    const secret = bearerOf(authorization);
    const known = secret === null ? null : this.keys.known(secret);
    if (known === null) return this.lookUp(secret, request, access);
    this.use.add(known.keyId);
    enter(known, request, access);
  }

  /** Without a key, the cookie of a session stands for one. A change also needs the token, which only our own page knows. */
  private async enterSession(request: Asked, access: Access): Promise<void> {
    const { cookie, 'x-csrf-token': csrfToken } = request.headers;
    const session = await this.sessions.findFor(cookie, request.raw.socket.remoteAddress ?? '');
    if (session === null) throw unauthenticated();
    // Set before the check below, so that the caller of a refused request is known.
    request.principal = session.principal;
    const isReading = request.raw.method === 'GET' || request.raw.method === 'HEAD';
    if (!isReading && csrfToken !== session.csrfToken) throw forbidden();
    this.use.add(session.principal.keyId);
    enter(session.principal, request, access);
  }

  private async lookUp(secret: string | null, request: Asked, access: Access): Promise<void> {
    const principal = await this.badKeys.lookUp(
      request.raw.socket.remoteAddress ?? '',
      secret === null ? null : hashOf(secret),
      async () => (secret === null ? null : this.keys.authenticate(secret)),
    );
    if (principal === null) throw unauthenticated();
    this.use.add(principal.keyId);
    enter(principal, request, access);
  }
}

function enter(principal: Principal, request: Asked, access: Access): void {
  // Also of a key that is refused, so that it is known whose attempt it was.
  request.principal = principal;
  const mayCall =
    mayAct(principal.role, access.role) || access.alsoFor.some((role) => mayAct(principal.role, role));
  if (!mayCall) throw forbidden();
  if (!isWithin(principal, access.scope, request)) throw forbidden();
}

/** An admin may do everything that the others may, and an owner what finance may. */
function mayAct(role: KeyRole, asked: Access['role']): boolean {
  return role === asked || role === 'admin' || (role === 'owner' && asked === 'finance');
}

/** Whether the route stays within what the key is bound to. Nothing is open to a bound key that does not say so. */
function isWithin({ entity }: Principal, scope: Scope, { params }: Asked): boolean {
  if (entity === null) return true;
  if (scope === 'entity') return (params as { entity?: string }).entity === entity;
  // The handler narrows what it reads and changes: `requireEntity`, `scopeOf`, `found` or `@Organization()`.
  return scope === 'own';
}

/** The secret of `Authorization: Bearer …`, or null. */
function bearerOf(header: string): string | null {
  return /^Bearer +([\x21-\x7e]{1,512}) *$/i.exec(header)?.[1] ?? null;
}
