/** What makes two requests under one `Idempotency-Key` the same request. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { TallyError } from '../domain/errors.js';
import { principalOf } from './principal.js';
import { IDEMPOTENCY_KEY } from '../http/route.js';

export type Idempotency = {
  readonly key: string;
  readonly requestHash: string;
  /** The entity that the request is about, or null. When it is deleted, its stored answers are deleted too. */
  readonly entity: string | null;
  /** The caller's own secret: it seals answers that hold another. */
  readonly secret: string;
};

/** Null without the header, and for methods that do not take it: a DELETE says what is there now, not what was there a month ago. */
export function idempotencyOf(request: FastifyRequest): Idempotency | null {
  const key = request.headers['idempotency-key'];
  if (key === undefined || request.method === 'DELETE') return null;
  if (typeof key !== 'string' || !IDEMPOTENCY_KEY.pattern.test(key)) {
    throw new TallyError('invalid_request', 'Idempotency-Key must have 1 to 255 printable ASCII characters', {
      param: 'Idempotency-Key',
    });
  }
  // The reader of a streamed body adds its content, by `withBody`.
  const body = request.body instanceof Readable ? '' : (JSON.stringify(sorted(request.body)) ?? '');
  const content = [request.method, request.url, entityOf(request), body].join('\0');
  const secret = (request.headers.authorization ?? '').replace(/^\S+ +/, '').trimEnd();
  const requestHash = createHash('sha256').update(content).digest('hex');
  return { key, requestHash, entity: concernedBy(request), secret };
}

/** The entity of the key or the header; else the one named in the path or the body. */
function concernedBy(request: FastifyRequest): string | null {
  const named = [request.params, request.body].map((part) => (part as { entity?: unknown } | null)?.entity);
  return (
    ([entityOf(request), ...named].find((name) => typeof name === 'string' && name !== '') as
      string | undefined) ?? null
  );
}

/**
 * Where the path does not name the entity, the key or a header does. Without it a request for another customer would get the first
 * one's answer and change nothing.
 */
function entityOf(request: FastifyRequest): string {
  return principalOf(request).entity ?? String(request.headers['openai-organization'] ?? '');
}

/** The call with the content of a body that was streamed, by its hash. */
export function withBody<Call extends { readonly idempotency: Idempotency | null }>(
  call: Call,
  digest: string,
): Call {
  if (call.idempotency === null) return call;
  const requestHash = createHash('sha256').update(`${call.idempotency.requestHash}\0${digest}`).digest('hex');
  return { ...call, idempotency: { ...call.idempotency, requestHash } };
}

/** Two requests with the same fields in another order are the same request. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]) => [key, sorted(field)]),
  );
}
