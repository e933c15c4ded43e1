/**
 * How a change is made: one transaction holds the change, its audit entry and its idempotency record. After the commit the listeners
 * act on it (quota publishes states, corrections charge usage that was unpriced). Then the caller gets the answer.
 */
import { createParamDecorator, Injectable, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TallyError } from '../domain/errors.js';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { Database, Restart, type Tx } from '../platform/database.js';
import { attribute, type CallerContext } from './caller-context.js';
import {
  claimKey,
  findRecord,
  insertRecord,
  tryLockRecord,
  type IdempotencyName,
} from './idempotency.sql.js';
import { idempotencyOf, type Idempotency } from './idempotency.js';
import { principalOf, type Principal } from './principal.js';
import { callerContextOf } from './refused-call.js';
import { open, seal } from './sealed-answer.js';

/** A call that may change something: by which key, and under which idempotency key. */
export type ChangeCall = {
  readonly principal: Principal;
  /** For the audit log. */
  readonly caller: CallerContext;
  readonly idempotency: Idempotency | null;
  /** The status of a success. */
  readonly status: number;
  /** Marks the answer, in its headers, as a stored one. */
  markReplayed(): void;
};

export const Call = createParamDecorator((_: unknown, context: ExecutionContext): ChangeCall => {
  const http = context.switchToHttp();
  const request = http.getRequest<FastifyRequest>();
  const reply = http.getResponse<FastifyReply>();
  const principal = principalOf(request);
  return {
    principal,
    caller: callerContextOf(request, principal),
    idempotency: idempotencyOf(request),
    status: reply.statusCode,
    markReplayed: () => void reply.header('idempotent-replayed', 'true'),
  };
});

/** What a change concerns: the limits or credits of an account, an entity that was deleted, the defaults of a plan, or the price book. */
export type Concerned =
  | { readonly entity: EntityName; readonly project: ProjectName | null }
  | { readonly removed: EntityName }
  | { readonly plan: string }
  | { readonly prices: true };

/** Resolves when the caller may get the answer. It retries by itself what it cannot do now, so it rejects only for bugs. */
type Listener = (concerned: readonly Concerned[]) => Promise<void>;

export type ChangeOptions = {
  /** Checks all, answers as the change would, and rolls it back: nothing is stored, audited, kept for a repetition, or published. */
  readonly dryRun?: boolean;
  /** The answer holds a secret, so what is kept for a repetition is sealed with the caller's own key. */
  readonly holdsSecret?: boolean;
};

/** Rolls a dry run back, and carries its answer out of the transaction. */
class RolledBack extends Error {
  constructor(readonly body: object) {
    super('a dry run was rolled back');
  }
}

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
    options: ChangeOptions = {},
  ): Promise<T> {
    if (options.dryRun === true) return this.tryOut(change);
    const answer = await this.database.transaction((tx) => {
      attribute(tx, call.caller);
      return this.once(tx, call, change, options);
    });
    if (answer.replayed) call.markReplayed();
    await this.announce(concerned);
    return answer.body;
  }

  /**
   * Whether the call will get the answer that is kept for it. For a change that begins outside of its transaction, with what must not be done
   * again: from here on the key is this request's, so that no other one under it begins and is refused only afterwards.
   */
  async isRepetition({ idempotency, principal }: ChangeCall): Promise<boolean> {
    if (idempotency === null) return false;
    const name = { scope: principal.entity ?? '*', key: idempotency.key };
    const kept = await this.database.transaction(async (tx) => {
      await claimKey(tx, name, idempotency);
      return findRecord(tx, name);
    });
    if (kept !== null && kept.requestHash !== idempotency.requestHash) throw reused();
    return kept !== null && kept.body !== null;
  }

  private async tryOut<T extends object>(change: (tx: Tx) => Promise<T | Restart>): Promise<T> {
    try {
      return await this.database.transaction<T>(async (tx) => {
        const body = await change(tx);
        if (body instanceof Restart) return body;
        throw new RolledBack(body);
      });
    } catch (error) {
      if (error instanceof RolledBack) return error.body as T;
      throw error;
    }
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
    { holdsSecret = false }: ChangeOptions,
  ): Promise<{ body: T; replayed: boolean } | Restart> {
    const { idempotency } = call;
    if (idempotency === null) {
      const body = await change(tx);
      return body instanceof Restart ? body : { body, replayed: false };
    }
    const name = { scope: call.principal.entity ?? '*', key: idempotency.key };
    const kept = await findKept(tx, name, idempotency.requestHash);
    if (kept !== null) {
      const text = holdsSecret ? open(kept, idempotency.secret) : kept;
      if (text === null) throw reused();
      const body: T = JSON.parse(text);
      return { body, replayed: true };
    }
    const body = await change(tx);
    if (body instanceof Restart) return body;
    const text = JSON.stringify(body);
    const { requestHash, entity, secret } = idempotency;
    const record = {
      requestHash,
      entity,
      status: call.status,
      body: holdsSecret ? seal(text, secret) : text,
    };
    if (!(await insertRecord(tx, name, record))) throw reused();
    return { body, replayed: false };
  }
}

/** The answer that is kept for the same request, or null where there is none yet. No other change has the key until this one ends. */
async function findKept(tx: Tx, name: IdempotencyName, requestHash: string): Promise<string | null> {
  if (!(await tryLockRecord(tx, name))) {
    throw new TallyError('idempotency_key_in_use', 'A request with this Idempotency-Key is still running');
  }
  const kept = await findRecord(tx, name);
  if (kept !== null && kept.requestHash !== requestHash) throw reused();
  return kept?.body ?? null;
}

function reused(): TallyError {
  return new TallyError('idempotency_key_reused', 'This Idempotency-Key was used with another request');
}
