/** The events that Tally acknowledged last. A Redis that crashes may have lost what it took in its last second. */
import type { PendingEvent } from './event-store.js';

export class RecentDeliveries {
  private batches: { readonly events: readonly PendingEvent[]; readonly atMs: number }[] = [];
  private count = 0;

  constructor(private readonly options: { readonly keepMs: number; readonly countMax: number }) {}

  /**
   * Also drops what is older than `keepMs`. Time alone drops nothing: while nothing is acknowledged, Redis may be down, and
   * nobody knows since when.
   */
  add(events: readonly PendingEvent[]): void {
    const atMs = performance.now();
    this.batches.push({ events, atMs });
    this.count += events.length;
    const isRecent = (batch: { readonly atMs: number }) => batch.atMs > atMs - this.options.keepMs;
    for (let [oldest] = this.batches; oldest !== undefined; [oldest] = this.batches) {
      if (isRecent(oldest) && this.count <= this.options.countMax) break;
      this.batches.shift();
      this.count -= oldest.events.length;
    }
  }

  takeAll(): readonly PendingEvent[] {
    this.count = 0;
    return this.batches.splice(0).flatMap(({ events }) => events);
  }
}
