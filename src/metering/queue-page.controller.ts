/** Admins in a browser: the jobs of all queues, to look at. Others are led to the console's sign-in, which leads back. */
import { Controller, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Sessions, type Session } from '../access/sessions.js';
import { missing } from '../access/principal.js';
import { PAGE_HEADERS } from '../http/console.controller.js';
import { TallyError } from '../domain/errors.js';
import { Route } from '../http/route.js';
import { StaticFiles } from '../http/static-files.js';
import { UsageQueue } from '../platform/queues.js';
import { boardFiles, QueueBoard } from './queue-board.js';

const SIGN_IN = '/dashboard/sign-in';
const SEE_OTHER = 303;

/** The board finds its files by a base, which is this host's. */
const HEADERS = {
  ...PAGE_HEADERS,
  'content-security-policy': PAGE_HEADERS['content-security-policy'].replace(
    "base-uri 'none'",
    "base-uri 'self'",
  ),
};

const Anything = z.looseObject({});

@Controller()
@ApiExcludeController()
export class QueuePageController {
  private readonly files = new StaticFiles(boardFiles(), 'no-cache');
  private board: QueueBoard | null = null;

  constructor(
    private readonly sessions: Sessions,
    private readonly usageQueue: UsageQueue,
  ) {}

  @Route('GET /admin/queues', { scope: 'public', role: 'anyone', summary: 'The page' })
  async page(
    @Query({ schema: Anything }) _query: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string | undefined> {
    void reply.headers({ ...HEADERS, 'cache-control': 'no-store' });
    const session = await this.sessionOf(request);
    if (session?.principal.role === 'admin') {
      void reply.header('content-type', 'text/html; charset=utf-8');
      return this.ready().page();
    }
    // A cookie comes with no request that another site begins. The sign-in asks again and leads back, or says why the key may not see this.
    void reply.code(SEE_OTHER).header('location', `${SIGN_IN}?to=${encodeURIComponent(request.url)}`);
    return undefined;
  }

  /** The page reads from its own address what to show. */
  @Route('GET /admin/queues/queue/*', {
    scope: 'public',
    role: 'anyone',
    summary: 'The page, at a queue or a job',
  })
  queueOrJob(
    @Query({ schema: Anything }) query: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string | undefined> {
    return this.page(query, request, reply);
  }

  @Route('GET /admin/queues/static/*', { scope: 'public', role: 'anyone', summary: 'A file of the page' })
  file(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Buffer | undefined {
    const name = pathOf(request).slice('/admin/queues/static/'.length);
    return this.files.send(name, request, reply.headers(PAGE_HEADERS));
  }

  @Route('GET /admin/queues/api/*', { scope: 'all', role: 'admin', summary: 'What the page shows' })
  async read(
    @Query({ schema: Anything }) query: Record<string, unknown>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const answer = await this.ready().read(pathOf(request).slice('/admin/queues'.length), query);
    if (answer === null) throw missing('such view of the queues');
    void reply.code(answer.status).header('cache-control', 'no-store');
    return answer.body;
  }

  /** Null also for an address that has sent too many unknown cookies: it is led to the sign-in, and Redis is not asked. */
  private async sessionOf({ headers, raw }: FastifyRequest): Promise<Session | null> {
    try {
      return await this.sessions.findFor(headers.cookie, raw.socket.remoteAddress ?? '');
    } catch (error) {
      if (error instanceof TallyError && error.code === 'rate_limit_exceeded') return null;
      throw error;
    }
  }

  /** Throws Unavailable. */
  private ready(): QueueBoard {
    return (this.board ??= new QueueBoard(this.usageQueue.withUpkeep()));
  }
}

function pathOf({ url }: FastifyRequest): string {
  return url.split('?', 1)[0] ?? '';
}
