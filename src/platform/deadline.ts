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
export type Wait = {
  readonly ms: number;
  readonly isToGoOn: () => boolean;
  lastTurn: number;
  before: Wait | null;
  after: Wait | null;
};

const ring: Wait = { ms: 0, isToGoOn: () => true, lastTurn: Infinity, before: null, after: null };
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
    const wait = startWait(ms, () => {
      reject(new DeadlineError(ms));
      return false;
    });
    promise.then(
      (value) => {
        endWait(wait);
        return resolve(value);
      },
      (error: unknown) => {
        endWait(wait);
        reject(error);
      },
    );
  });
}

/** When so long has passed without its end, `isToGoOn` is asked, and where it says so the wait begins anew. */
export function startWait(ms: number, isToGoOn: () => boolean): Wait {
  timer ??= setInterval(takeTurn, TURN_MS);
  const wait: Wait = { ms, isToGoOn, lastTurn: lastTurnOf(ms), before: ring.before, after: ring };
  if (ring.before !== null) ring.before.after = wait;
  ring.before = wait;
  return wait;
}

/** One more, for the turn that runs has begun before. */
function lastTurnOf(ms: number): number {
  return turn + Math.ceil(ms / TURN_MS) + 1;
}

export function endWait(wait: Wait): void {
  if (wait.before !== null) wait.before.after = wait.after;
  if (wait.after !== null) wait.after.before = wait.before;
  wait.before = null;
  wait.after = null;
}

function takeTurn(): void {
  turn += 1;
  for (let wait = ring.after; wait !== null && wait !== ring;) {
    const { after } = wait;
    if (wait.lastTurn <= turn) {
      if (wait.isToGoOn()) wait.lastTurn = lastTurnOf(wait.ms);
      else endWait(wait);
    }
    wait = after;
  }
  if (ring.after !== ring || timer === null) return;
  clearInterval(timer);
  timer = null;
}
