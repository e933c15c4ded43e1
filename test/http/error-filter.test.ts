import { expect, it } from '@jest/globals';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ErrorFilter } from '../../src/http/error-filter.js';
import { TallyError } from '../../src/domain/errors.js';
import { Logger } from '../../src/platform/logger.js';
import { Unavailable } from '../../src/platform/unavailable.js';

class Lines extends Logger {
  readonly warnings: string[] = [];

  readonly errors: string[] = [];

  override error(event: string, error: Error): void {
    this.errors.push(`${event}: ${error.message}`);
  }

  override warn(event: string): void {
    this.warnings.push(event);
  }
}

/** The status of the answer, and what the operator reads of it. */
function answerTo(error: Error, brokenBy: Error | null) {
  const lines = new Lines('silent');
  let status = 0;
  const reply = {
    sent: false,
    code: (code: number) => ((status = code), reply),
    headers: () => reply,
    send: () => reply,
  };
  const request = { id: 'req_1', raw: { errored: brokenBy } };
  new ErrorFilter(lines, { quotaDeniedStatus: 429 }).answer(
    error,
    request as unknown as FastifyRequest,
    reply as unknown as FastifyReply,
  );
  return { status, warnings: lines.warnings, errors: lines.errors };
}

it('a caller that hangs up within its body is no outage of ours, and one of ours is', () => {
  const broken = Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
  expect(answerTo(broken, broken)).toEqual({ status: 400, warnings: [], errors: [] });
  expect(answerTo(new Unavailable('redis', broken), null)).toEqual({
    status: 503,
    warnings: ['dependency unavailable'],
    errors: [],
  });
});

it('books that disagree are a fault of ours: refused, and logged once as an error', () => {
  expect(answerTo(new TallyError('books_differ', 'by $0.007'), null)).toEqual({
    status: 409,
    warnings: [],
    errors: ['request failed: by $0.007'],
  });
});
