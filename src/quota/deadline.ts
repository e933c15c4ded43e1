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

/** In a ring, which forgets whoever leaves: a Set that thousands join and leave keeps them from being collected for long. */
type Wait = {
  readonly lastTurn: number;
  readonly ms: number;
  readonly reject: (error: unknown) => void;
  before: Wait | null;
  after: Wait | null;
};

const ring: Wait = { lastTurn: Infinity, ms: 0, reject: () => {}, before: null, after: null };
ring.before = ring;
ring.after = ring;
let turn = 0;
let timer: NodeJS.Timeout | null = null;

/**
 * Rejects with a DeadlineError when the promise takes longer; what it does goes on, and its outcome is nobody's. A process with
 * more requests than it can serve reads its answers late: a plain timer would take that for a server that is away, and
 * Postgres would decide without holds just when many requests come at once.
 */
export function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const wait = join(ms, reject);
    promise.then(
      (value) => settle(wait, resolve, value),
      (error: unknown) => settle(wait, reject, error),
    );
  });
}

function join(ms: number, reject: Wait['reject']): Wait {
  timer ??= setInterval(takeTurn, TURN_MS);
  // One more, for the turn that runs has begun before.
  const lastTurn = turn + Math.ceil(ms / TURN_MS) + 1;
  const wait: Wait = { lastTurn, ms, reject, before: ring.before, after: ring };
  if (ring.before !== null) ring.before.after = wait;
  ring.before = wait;
  return wait;
}

function leave(wait: Wait): void {
  if (wait.before !== null) wait.before.after = wait.after;
  if (wait.after !== null) wait.after.before = wait.before;
  wait.before = null;
  wait.after = null;
}

function settle<V>(wait: Wait, answer: (value: V) => void, value: V): void {
  leave(wait);
  answer(value);
}

function takeTurn(): void {
  turn += 1;
  for (let wait = ring.after; wait !== null && wait !== ring;) {
    const { after } = wait;
    if (wait.lastTurn <= turn) {
      leave(wait);
      wait.reject(new DeadlineError(wait.ms));
    }
    wait = after;
  }
  if (ring.after !== ring || timer === null) return;
  clearInterval(timer);
  timer = null;
}
