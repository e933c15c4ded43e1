/** Signing in to a page with an API key, and out. */
import { Body, Controller, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Route } from '../http/route.js';
import { unauthenticated } from './bad-keys.js';
import { ManagedKeys } from './managed-keys.js';
import { forbidden } from './principal.js';
import { SESSION_SECONDS, sessionCookie, Sessions, tokenIn, type Session } from './sessions.js';

const SignIn = z.object({ api_key: z.string().min(1).max(512) });
type SignIn = z.output<typeof SignIn>;

const SIGNED_OUT = { object: 'dashboard.session', signed_in: false };

@Controller()
@ApiExcludeController()
export class SessionsController {
  constructor(
    private readonly sessions: Sessions,
    private readonly keys: ManagedKeys,
  ) {}

  @Route('GET /dashboard/session', { scope: 'public', role: 'anyone', summary: 'Who is signed in' })
  async read(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    requireOwnPage(request);
    void reply.header('cache-control', 'no-store');
    const { cookie } = request.headers;
    // This route refuses nobody: the page asks it to find out whether somebody is signed in.
    if (tokenIn(cookie) === null) return SIGNED_OUT;
    const session = await this.sessions.findFor(cookie, request.raw.socket.remoteAddress ?? '');
    if (session !== null) return this.present(session);
    void reply.header('set-cookie', sessionCookie('', { isSecure: false, seconds: 0 }));
    return SIGNED_OUT;
  }

  @Route('POST /dashboard/session', { scope: 'public', role: 'anyone', summary: 'Sign in', status: 201 })
  async open(
    @Body({ schema: SignIn }) { api_key }: SignIn,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    requireOwnPage(request);
    const opened = await this.sessions.open(api_key, request.raw.socket.remoteAddress ?? '');
    const isSecure = request.headers.origin?.startsWith('https:') === true;
    const cookie = sessionCookie(opened.token, { isSecure, seconds: SESSION_SECONDS });
    void reply.headers({ 'set-cookie': cookie, 'cache-control': 'no-store' });
    return this.present(opened);
  }

  @Route('DELETE /dashboard/session', { scope: 'public', role: 'anyone', summary: 'Sign out' })
  async end(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    const { cookie, 'x-csrf-token': csrfToken } = request.headers;
    const session = await this.sessions.findFor(cookie, request.raw.socket.remoteAddress ?? '');
    if (session === null) throw unauthenticated();
    if (csrfToken !== session.csrfToken) throw forbidden();
    await this.sessions.end(cookie);
    void reply.header('set-cookie', sessionCookie('', { isSecure: false, seconds: 0 }));
    return { object: 'dashboard.session', ended: true };
  }

  private async present({ principal, csrfToken }: Session) {
    const { keyId, role, entity } = principal;
    const { name } = await this.keys.get(keyId, principal);
    return {
      object: 'dashboard.session',
      signed_in: true,
      role,
      entity,
      key: { id: keyId, name },
      csrf_token: csrfToken,
    };
  }
}

/** A page of another origin must not sign anybody in. Programs send neither header. */
function requireOwnPage({ headers }: FastifyRequest): void {
  const { origin, host, 'sec-fetch-site': site = 'same-origin' } = headers;
  const isOwn = origin === undefined || (URL.canParse(origin) && new URL(origin).host === host);
  if (!isOwn || site !== 'same-origin') throw forbidden();
}
