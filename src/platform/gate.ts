/** Lets a bounded number of calls run at a time and a bounded number wait for their turn, in the order of their arrival. */
import { Unavailable } from './unavailable.js';

export type GateLimits = {
  /** What goes through, in the plural. */
  readonly name: string;
  readonly runningMax: number;
  readonly waitingMax: number;
  readonly waitMsMax: number;
};

type Waiting = { readonly admit: () => void };

export class Gate {
  private readonly queue = new Set<Waiting>();
  private running = 0;

  constructor(private readonly limits: GateLimits) {}

  get waitingCount(): number {
    return this.queue.size;
  }

  /** Runs `work` when it is its turn. Throws Unavailable where too many wait already, or where its turn does not come in time. */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    const leave = await this.enter();
    try {
      return await work();
    } finally {
      leave();
    }
  }

  /** For what outlasts a call. What it resolves with gives the place back; it may be called twice. */
  async enter(): Promise<() => void> {
    const { name, runningMax, waitingMax } = this.limits;
    if (this.running < runningMax) this.running += 1;
    else if (this.queue.size < waitingMax) await this.turn();
    else throw refused(`${runningMax + waitingMax} ${name} run or wait already`);
    let isIn = true;
    return () => {
      if (isIn) this.leave();
      isIn = false;
    };
  }

  private turn(): Promise<void> {
    const { name, waitMsMax } = this.limits;
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        admit: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.queue.delete(waiting);
        reject(refused(`other ${name} took longer than ${waitMsMax} ms`));
      }, waitMsMax);
      this.queue.add(waiting);
    });
  }

  /** Gives the place to the caller that has waited longest. */
  private leave(): void {
    const [next] = this.queue;
    if (next === undefined) {
      this.running -= 1;
      return;
    }
    this.queue.delete(next);
    next.admit();
  }
}

function refused(reason: string): Unavailable {
  return new Unavailable('postgres', new Error(reason));
}
