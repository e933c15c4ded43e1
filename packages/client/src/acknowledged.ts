/** The last events that were acknowledged: a Redis that crashes may have lost what it took in its last second. */
import type { Entry } from './backlog.js';

export class Acknowledged {
  private batches: { readonly entries: readonly Entry[]; readonly atMs: number }[] = [];
  private count = 0;

  constructor(private readonly options: { keepMs: number; countMax: number }) {}

  /** Forgets older ones only now: while nothing is acknowledged, Redis may be away, and nobody knows since when. */
  add(entries: readonly Entry[]): void {
    const atMs = performance.now();
    this.batches.push({ entries, atMs });
    this.count += entries.length;
    const isKept = (batch: { atMs: number }) => batch.atMs > atMs - this.options.keepMs;
    for (let [oldest] = this.batches; oldest !== undefined; [oldest] = this.batches) {
      if (isKept(oldest) && this.count <= this.options.countMax) break;
      this.batches.shift();
      this.count -= oldest.entries.length;
    }
  }

  takeAll(): readonly Entry[] {
    this.count = 0;
    return this.batches.splice(0).flatMap(({ entries }) => entries);
  }
}
