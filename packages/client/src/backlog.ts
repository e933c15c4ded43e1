/** Where usage events wait until Tally has them: first in, first out. */
import { TallyClientError } from './tally-client-error.js';
import type { UsageEvent } from './protocol/usage-event.js';

export interface Entry {
  readonly event: UsageEvent;
  /** Tells the reporter that the event is safe; again is fine. */
  resolve(): void;
  reject(error: TallyClientError): void;
  /** True once the event is on disk: its report has resolved, so a refusal must be told in another way. */
  kept: boolean;
  /** True once Tally has it, or has refused it. */
  settled: boolean;
}

export interface Backlog {
  /** Throws `outbox_full` where there is no room. */
  add(entry: Entry): void;
  /** The oldest events, at least one unless there is none. */
  head(countMax: number): Promise<readonly Entry[]>;
  /** The first of what `head` gave are settled. */
  remove(count: number): void;
  readonly isEmpty: boolean;
  /** From 0 to 1. */
  fill(): number;
  /** Rejects the reports of events that would not survive this process. */
  close(): Promise<void>;
}

/** Survives an outage of Tally, but not the end of this process. */
export class MemoryBacklog implements Backlog {
  private readonly entries: Entry[] = [];

  constructor(private readonly countMax: number) {}

  add(entry: Entry): void {
    if (this.entries.length >= this.countMax) {
      throw new TallyClientError('outbox_full', `${this.entries.length} usage events are waiting already`);
    }
    this.entries.push(entry);
  }

  async head(countMax: number): Promise<readonly Entry[]> {
    return this.entries.slice(0, countMax);
  }

  remove(count: number): void {
    this.entries.splice(0, count);
  }

  get isEmpty(): boolean {
    return this.entries.length === 0;
  }

  fill(): number {
    return this.entries.length / this.countMax;
  }

  async close(): Promise<void> {
    for (const entry of this.entries.splice(0)) entry.reject(closedTooSoon());
  }
}

export function closedTooSoon(): TallyClientError {
  return new TallyClientError('outbox_closed', 'Closed before Tally acknowledged the event');
}
