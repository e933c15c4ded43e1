/**
 * Two people who change the same thing: each answer has an `ETag`, and a change that names it in `If-Match` is made only while the
 * thing is still so. A tag is the hash of what is answered, so whatever a reader could have seen changes it.
 */
import { createHash } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TallyError } from '../domain/errors.js';

const TAG = String.raw`(?:W/)?"[\x21\x23-\x7e]*"`;
const TAGS = new RegExp(String.raw`^\s*(?:\*|${TAG}(?:\s*,\s*${TAG})*)\s*$`);

export const IF_MATCH = {
  name: 'If-Match',
  required: false,
  pattern: TAGS,
  description:
    'The ETag of what was read: the change is refused (412) where that has changed since. `*`: it must exist',
};

export type Precondition = {
  /** Throws `precondition_failed` where the request names another state than this one; null does not exist. */
  check(current: object | null): void;
  /** Sets the answer's `ETag`: that of `state`, where not all of the body is what a change would overwrite. */
  tagged<T extends object>(body: T, state?: object): T;
};

export const Conditional = createParamDecorator((_: unknown, context: ExecutionContext): Precondition => {
  const http = context.switchToHttp();
  const wanted = wantedOf(http.getRequest<FastifyRequest>().headers['if-match']);
  const reply = http.getResponse<FastifyReply>();
  return {
    check: (current) => {
      if (wanted !== null && !matches(wanted, current)) throw changedSince();
    },
    tagged: (body, state = body) => {
      void reply.header('etag', etagOf(state));
      return body;
    },
  };
});

export function etagOf(body: object): string {
  return `"${createHash('sha256').update(JSON.stringify(body)).digest('base64url').slice(0, 27)}"`;
}

/** The tags of the header, `*`, or null where there is none. */
function wantedOf(header: string | undefined): readonly string[] | '*' | null {
  if (header === undefined) return null;
  if (header.trim() === '*') return '*';
  if (!TAGS.test(header)) {
    throw new TallyError('invalid_request', 'If-Match: must be an ETag in quotes, as it was answered, or *', {
      param: 'If-Match',
    });
  }
  return header.match(/(?:W\/)?"[^"]*"/g) ?? [];
}

/** A weak tag promises too little to overwrite by, so it never matches. */
function matches(wanted: readonly string[] | '*', current: object | null): boolean {
  if (current === null) return false;
  return wanted === '*' || wanted.includes(etagOf(current));
}

function changedSince(): TallyError {
  return new TallyError(
    'precondition_failed',
    'If-Match: this has changed since it was read, or does not exist; read it again',
    { param: 'If-Match' },
  );
}
