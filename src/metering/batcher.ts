/**
 * Turns many small jobs into few large transactions: entries wait a few milliseconds for each other and share one flush.
 * An entry resolves when its flush has committed, and rejects when its flush fails.
 */

export type BatcherOptions = {
  /** Items in one flush. An entry that has more is flushed alone. */
  readonly batchCountMax: number;
  /** How long the first entry of a batch waits for others. */
  readonly waitMs: number;
  readonly flushesMax: number;
};

type Entry<T> = {
  readonly items: readonly T[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};

export class Batcher<T> {
  private waiting: Entry<T>[] = [];
  private waitingCount = 0;
  private flushing = 0;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly flush: (items: readonly T[]) => Promise<void>,
    private readonly options: BatcherOptions,
  ) {}

  add(items: readonly T[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ items, resolve, reject });
      this.waitingCount += items.length;
      this.schedule();
    });
  }

  /** Starts full batches at once and the rest when the timer fires, while fewer than `flushesMax` are in flight. */
  private schedule(): void {
    while (this.flushing < this.options.flushesMax && this.waitingCount >= this.options.batchCountMax)
      this.start();
    if (this.waiting.length > 0 && this.flushing < this.options.flushesMax) {
      this.timer ??= setTimeout(() => {
        this.timer = null;
        if (this.waiting.length > 0 && this.flushing < this.options.flushesMax) this.start();
        this.schedule();
      }, this.options.waitMs);
    }
  }

  private start(): void {
    const batch = this.takeBatch();
    this.flushing += 1;
    void this.flush(batch.flatMap((entry) => entry.items)).then(
      () => this.finish(() => batch.forEach((entry) => entry.resolve())),
      (error: unknown) => this.finish(() => batch.forEach((entry) => entry.reject(error))),
    );
  }

  private finish(settle: () => void): void {
    this.flushing -= 1;
    settle();
    this.schedule();
  }

  private takeBatch(): Entry<T>[] {
    let count = 0;
    let entries = 0;
    for (const entry of this.waiting) {
      if (entries > 0 && count + entry.items.length > this.options.batchCountMax) break;
      count += entry.items.length;
      entries += 1;
    }
    this.waitingCount -= count;
    return this.waiting.splice(0, entries);
  }
}
