/**
 * How a change is made: one transaction holds the change, its audit entry and its idempotency record. After the commit the listeners
 * act on it (quota publishes states, corrections charge usage that was unpriced). Then the caller gets the answer.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createParamDecorator, Injectable, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TallyError } from '../domain/errors.js';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { Database, Restart, type Tx } from '../platform/database.js';
import { findRecord, insertRecord, tryLockRecord } from './idempotency.sql.js';
import { principalOf, type Principal } from './principal.js';

/** A call that may change something: by which key, and under which idempotency key. */
export type ChangeCall = {
  readonly principal: Principal;
  readonly idempotency: { readonly key: string; readonly requestHash: string } | null;
  /** The status of a success. */
  readonly status: number;
  /** Marks the answer, in its headers, as a stored one. */
  markReplayed(): void;
};

const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,255}$/;

export const Call = createParamDecorator((_: unknown, context: ExecutionContext): ChangeCall => {
  const http = context.switchToHttp();
  const request = http.getRequest<FastifyRequest>();
  const reply = http.getResponse<FastifyReply>();
  return {
    principal: principalOf(request),
    idempotency: idempotencyOf(request),
    status: reply.statusCode,
    markReplayed: () => void reply.header('idempotent-replayed', 'true'),
  };
});

/** What a change concerns: the limits or credits of an account, the defaults of a plan, or the price book. */
export type Concerned =
  | { readonly entity: EntityName; readonly project: ProjectName | null }
  | { readonly plan: string }
  | { readonly prices: true };

/** Resolves when the caller may get the answer. It retries by itself what it cannot do now, so it rejects only for bugs. */
type Listener = (concerned: readonly Concerned[]) => Promise<void>;

@Injectable()
export class Changes {
  private readonly listeners: Listener[] = [];

  constructor(private readonly database: Database) {}

  /** Calls the listener after each commit, one listener after the other, before the caller gets an answer. */
  onCommit(listener: Listener): void {
    this.listeners.push(listener);
  }

  /**
   * Runs `change` and returns what it answers. Under an idempotency key the answer of a success is kept: a repetition gets
   * it again and changes nothing. A repetition publishes too, since the first caller may have died before it did.
   */
  async make<T extends object>(
    call: ChangeCall,
    concerned: readonly Concerned[],
    change: (tx: Tx) => Promise<T | Restart>,
  ): Promise<T> {
    const answer = await this.database.transaction((tx) => this.once(tx, call, change));
    if (answer.replayed) call.markReplayed();
    await this.announce(concerned);
    return answer.body;
  }

  /** Calls the listeners for a commit that was not made through `make`. */
  async announce(concerned: readonly Concerned[]): Promise<void> {
    if (concerned.length === 0) return;
    for (const listener of this.listeners) await listener(concerned);
  }

  private async once<T extends object>(
    tx: Tx,
    call: ChangeCall,
    change: (tx: Tx) => Promise<T | Restart>,
  ): Promise<{ body: T; replayed: boolean } | Restart> {
    if (call.idempotency === null) {
      const body = await change(tx);
      return body instanceof Restart ? body : { body, replayed: false };
    }
    const { key, requestHash } = call.idempotency;
    const name = { scope: call.principal.entity ?? '*', key };
    if (!(await tryLockRecord(tx, name))) {
      throw new TallyError('idempotency_key_in_use', 'A request with this Idempotency-Key is still running');
    }
    const kept = await findRecord(tx, name);
    if (kept !== null && kept.requestHash !== requestHash) {
      throw new TallyError('idempotency_key_reused', 'This Idempotency-Key was used with another request');
    }
    if (kept !== null) {
      const body: T = JSON.parse(kept.body);
      return { body, replayed: true };
    }
    const body = await change(tx);
    if (body instanceof Restart) return body;
    await insertRecord(tx, name, { requestHash, status: call.status, body: JSON.stringify(body) });
    return { body, replayed: false };
  }
}

function idempotencyOf(request: FastifyRequest): ChangeCall['idempotency'] {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key !== 'string' || !IDEMPOTENCY_KEY.test(key)) {
    throw new TallyError('invalid_request', 'Idempotency-Key must have 1 to 255 printable ASCII characters', {
      param: 'Idempotency-Key',
    });
  }
  // Whoever reads a streamed body adds its content, by `withBody`.
  const body = request.body instanceof Readable ? '' : (JSON.stringify(sorted(request.body)) ?? '');
  const content = [request.method, request.url, body].join('\0');
  return { key, requestHash: createHash('sha256').update(content).digest('hex') };
}

/** The call with the content of a body that was streamed, by its hash. */
export function withBody(call: ChangeCall, digest: string): ChangeCall {
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
