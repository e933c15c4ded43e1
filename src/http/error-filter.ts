/** Answers every error. Errors of ours are logged with the request's id, errors of the caller are not. */
import type { IncomingMessage } from 'node:http';
import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { ErrorCode } from '@tally/client/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Logger } from '../platform/logger.js';
import { TallyError } from '../domain/errors.js';
import { answerTo, toTallyError, type ErrorAnswer } from './error-body.js';

/** Of ours: somebody has to look. */
const FAULTS: ReadonlySet<ErrorCode> = new Set(['internal_error', 'books_differ']);

@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    private readonly settings: { quotaDeniedStatus: number },
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(thrown, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  /** Also answers requests that Fastify refuses before it finds a route. */
  answer(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const { status, headers, body } = this.answerFor(thrown, request);
    if (reply.sent) return;
    void reply
      .code(status)
      .headers({ 'x-request-id': request.id, ...headers })
      .send(body);
  }

  /** What to answer, once it is logged. */
  answerFor(
    thrown: unknown,
    { id, raw }: { readonly id: string; readonly raw: IncomingMessage },
  ): ErrorAnswer {
    // A caller that hangs up within its body closes its own connection; none of ours broke.
    const error = thrown === raw.errored ? cutOff(thrown) : toTallyError(thrown);
    if (FAULTS.has(error.code)) this.logger.error('request failed', thrown, { request_id: id });
    if (error.code === 'overloaded') {
      this.logger.warn('dependency unavailable', { request_id: id, reason: reasonOf(error) });
    }
    return answerTo(error, this.settings);
  }
}

function cutOff(cause: unknown): TallyError {
  return new TallyError('invalid_request', 'The request ended before its body did', { cause });
}

function reasonOf({ cause, message }: Error): string {
  return cause instanceof Error ? cause.message : message;
}
