/** Waits that end: a decision goes on without an answer before it keeps a customer's request waiting. */

/**
 * Deadlines are counted in turns of one timer that an object's waits share. A turn that comes late, because this process was busy
 * itself, counts once, and what has arrived meanwhile is read before the next one.
 */
const TURN_MS = 20;

export class DeadlineError extends Error {
  constructor(readonly ms: number) {
    super(`no answer within ${ms} ms`);
    this.name = 'DeadlineError';
  }
}

/** Waits form a ring, which keeps nothing of a wait that has left. A Set that thousands join and leave is collected late. */
export type Wait = {
  readonly ms: number;
  readonly shouldGoOn: () => boolean;
  lastTurn: number;
  before: Wait | null;
  after: Wait | null;
};

export class Deadlines {
  private readonly ring = emptyRing();
  private turn = 0;
  private timer: NodeJS.Timeout | null = null;

  /**
   * Rejects with a DeadlineError when the promise takes longer. The work goes on, and its result is dropped. A process with more
   * requests than it can serve reads its answers late: with a plain timer it would take the server for unavailable, and Postgres
   * would decide without holds just when many requests come at once.
   */
  within<T>(ms: number, promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const wait = this.start(ms, () => {
        reject(new DeadlineError(ms));
        return false;
      });
      promise.then(
        (value) => {
          this.end(wait);
          return resolve(value);
        },
        (error: unknown) => {
          this.end(wait);
          reject(error);
        },
      );
    });
  }

  /** Calls `shouldGoOn` after this time unless the wait has ended. Where it returns true, the wait starts again. */
  start(ms: number, shouldGoOn: () => boolean): Wait {
    const { ring } = this;
    this.timer ??= setInterval(() => this.takeTurn(), TURN_MS);
    const wait: Wait = { ms, shouldGoOn, lastTurn: this.lastTurnOf(ms), before: ring.before, after: ring };
    if (ring.before !== null) ring.before.after = wait;
    ring.before = wait;
    return wait;
  }

  end(wait: Wait): void {
    if (wait.before !== null) wait.before.after = wait.after;
    if (wait.after !== null) wait.after.before = wait.before;
    wait.before = null;
    wait.after = null;
  }

  /** One more, because the current turn began earlier. */
  private lastTurnOf(ms: number): number {
    return this.turn + Math.ceil(ms / TURN_MS) + 1;
  }

  private takeTurn(): void {
    const { ring } = this;
    this.turn += 1;
    for (let wait = ring.after; wait !== null && wait !== ring;) {
      const { after } = wait;
      if (wait.lastTurn <= this.turn) {
        if (wait.shouldGoOn()) wait.lastTurn = this.lastTurnOf(wait.ms);
        else this.end(wait);
      }
      wait = after;
    }
    if (ring.after !== ring || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }
}

function emptyRing(): Wait {
  const ring: Wait = { ms: 0, shouldGoOn: () => true, lastTurn: Infinity, before: null, after: null };
  ring.before = ring;
  ring.after = ring;
  return ring;
}
