/**
 * Who asked for what a transaction does: the audit log names the request, role and address of each change, and no service has to hand
 * them on. It goes by the transaction, because an AsyncLocalStorage would cost every promise of the process, a gateway's too.
 */
import type { KeyRole } from '../domain/key-roles.js';
import type { Tx } from '../platform/database.js';

export type CallerContext = {
  /** The id of the key. */
  readonly actor: string;
  readonly role: KeyRole;
  readonly requestId: string;
  readonly address: string | null;
};

const callers = new WeakMap<Tx, CallerContext>();

/** What the transaction changes, this call has asked for. */
export function attribute(tx: Tx, caller: CallerContext): void {
  callers.set(tx, caller);
}

/** The call that `actor` made for what the transaction does, or null where it does it by itself. */
export function callerOf(tx: Tx, actor: string): CallerContext | null {
  const caller = callers.get(tx);
  return caller?.actor === actor ? caller : null;
}
