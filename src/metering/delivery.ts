/** An event on its way from a job to the books, and the ticket of its job, which waits for all of them. */
import type { UsageEvent } from '../domain/usage.js';

export type Delivery = {
  readonly event: UsageEvent;
  /** The JSON that it was read from, which a dead letter would keep. */
  readonly body: unknown;
  readonly jobId: string | null;
  readonly ticket: Ticket;
};

/** Why an event is not counted yet. */
export type Wait = {
  /** A server is unavailable, another transaction holds the entity, or the fault is ours. */
  readonly kind: 'server' | 'locked' | 'fault';
  /** For a metric's label: few values. */
  readonly reason: string;
  readonly error: unknown;
};

export class Ticket {
  /** Null when every event is counted or a dead letter. Otherwise the job runs again: what is counted is then a duplicate. */
  readonly settled: Promise<Wait | null>;
  private resolve!: (wait: Wait | null) => void;
  private wait: Wait | null = null;

  constructor(private openCount: number) {
    this.settled = new Promise((resolve) => (this.resolve = resolve));
    if (openCount === 0) this.resolve(null);
  }

  /** Of one event, once. Of several waits the job names a fault of ours before a server. */
  settle(wait: Wait | null): void {
    if (wait !== null && this.wait?.kind !== 'fault') this.wait = wait;
    this.openCount -= 1;
    if (this.openCount === 0) this.resolve(this.wait);
  }
}

export function settleAll(deliveries: readonly Delivery[], wait: Wait | null): void {
  for (const { ticket } of deliveries) ticket.settle(wait);
}
