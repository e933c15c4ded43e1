/** Waiting that ends: a decision rather goes on without an answer than keep a customer's request. */

/**
 * Deadlines are counted in turns of one timer that all waits share. A turn that comes late, because this process was busy itself,
 * counts once, and what has arrived meanwhile is read before the next one.
 */
const TURN_MS = 20;

export class DeadlineError extends Error {
  constructor(readonly ms: number) {
    super(`no answer within ${ms} ms`);
    this.name = 'DeadlineError';
  }
}

type Wait = { readonly lastTurn: number; readonly ms: number; readonly reject: (error: unknown) => void };

const waits = new Set<Wait>();
let turn = 0;
let timer: NodeJS.Timeout | null = null;

/**
 * Rejects with a DeadlineError when the promise takes longer; what it does goes on, and its outcome is nobody's. A process with
 * more requests than it can serve reads its answers late: a plain timer would take that for a server that is away, and
 * Postgres would decide without holds just when many requests come at once.
 */
export function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    // One more, for the turn that runs has begun before.
    const lastTurn = turn + Math.ceil(ms / TURN_MS) + 1;
    const wait: Wait = { lastTurn, ms, reject };
    waits.add(wait);
    timer ??= setInterval(takeTurn, TURN_MS);
    promise.then(
      (value) => settle(wait, resolve, value),
      (error: unknown) => settle(wait, reject, error),
    );
  });
}

function settle<V>(wait: Wait, answer: (value: V) => void, value: V): void {
  waits.delete(wait);
  answer(value);
}

function takeTurn(): void {
  turn += 1;
  for (const wait of waits) {
    if (wait.lastTurn > turn) continue;
    waits.delete(wait);
    wait.reject(new DeadlineError(wait.ms));
  }
  if (waits.size > 0 || timer === null) return;
  clearInterval(timer);
  timer = null;
}
