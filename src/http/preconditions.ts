/**
 * Two people who change the same thing: each answer has an `ETag`, and a change that names it in `If-Match` is made only while the
 * thing is still so. A tag is the hash of what is answered, so whatever a reader could have seen changes it. `If-None-Match: *` is the other way
 * round: the change is made only where there is nothing yet.
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

export const IF_NONE_MATCH = {
  name: 'If-None-Match',
  required: false,
  pattern: /^\s*\*\s*$/,
  description: '`*`: it is created, and refused (412) where it exists already',
};

export type Precondition = {
  /** Throws `precondition_failed` where the request names another state than this one; null does not exist. */
  check(current: object | null): void;
  /** Sets the answer's `ETag`: that of `state`, where not all of the body is what a change would overwrite. */
  tagged<T extends object>(body: T, state?: object): T;
};

export const Conditional = createParamDecorator((_: unknown, context: ExecutionContext): Precondition => {
  const http = context.switchToHttp();
  const { headers } = http.getRequest<FastifyRequest>();
  const wanted = wantedOf(headers['if-match']);
  const reply = http.getResponse<FastifyReply>();
  return {
    check: (current) => {
      if (wanted !== null && !matches(wanted, current)) throw changedSince();
      if (mustBeNew(headers['if-none-match']) && current !== null) throw existsAlready();
    },
    tagged: (body, state = body) => {
      void reply.header('etag', etagOf(state));
      return body;
    },
  };
});

function etagOf(body: object): string {
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

function mustBeNew(header: string | undefined): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  throw new TallyError('invalid_request', 'If-None-Match: must be *', { param: 'If-None-Match' });
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

function existsAlready(): TallyError {
  return new TallyError(
    'precondition_failed',
    'If-None-Match: this exists already; leave the header out to change it',
    { param: 'If-None-Match' },
  );
}
