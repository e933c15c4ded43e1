/** Where a usage event stays from the moment it is reported until Tally has acknowledged it. Losing one is giving tokens away. */
import { setTimeout as wait } from 'node:timers/promises';
import { TallyClientError } from './tally-client-error.js';
import type { UsageReceipt } from './tally-client.js';
import type { UsageEvent } from './usage-event.js';

export interface UsageReporter {
  /** Resolves when the event is acknowledged; rejects when it is refused for good, or when there is no room to keep it. */
  report(event: UsageEvent): Promise<void>;
  /** Takes no more events and delivers the ones that are left, as long as `closeMs` allows. */
  close(): Promise<void>;
}

type RejectedEvents = UsageReceipt['rejected'];

/** Hands events over; names the ones that are refused for good, and throws when all of them should be tried again. */
export type Deliver = (events: readonly UsageEvent[]) => Promise<RejectedEvents>;

export interface OutboxOptions {
  deliver: Deliver;
  /** Called for every delivery that failed and will be tried again. */
  onFailure?: (error: unknown) => void;
  /** How long the first event of a batch waits for company. */
  gatherMs?: number;
  batchCountMax?: number;
  /** About 1 kB of memory each. */
  waitingCountMax?: number;
  backoffMsMin?: number;
  backoffMsMax?: number;
  closeMs?: number;
}

interface Entry {
  readonly event: UsageEvent;
  readonly acknowledge: () => void;
  readonly refuse: (error: TallyClientError) => void;
}

const DEFAULTS = {
  onFailure: () => {},
  gatherMs: 3,
  batchCountMax: 200,
  waitingCountMax: 20_000,
  backoffMsMin: 100,
  backoffMsMax: 5000,
  closeMs: 10_000,
};

/**
 * Keeps events in memory, so they survive an outage of Tally but not of this process. An outbox on disk does the same
 * with `report` writing and `settle` erasing; nothing else knows where the entries are.
 */
export class Outbox implements UsageReporter {
  private readonly options: Required<OutboxOptions>;
  private readonly entries: Entry[] = [];
  private readonly abandoned = new AbortController();
  private delivering: Promise<void> | null = null;
  private closed = false;

  constructor(options: OutboxOptions) {
    this.options = { ...DEFAULTS, ...options };
  }

  report(event: UsageEvent): Promise<void> {
    if (this.closed) return Promise.reject(new TallyClientError('outbox_closed', 'The reporter is closed'));
    if (this.entries.length >= this.options.waitingCountMax) {
      return Promise.reject(
        new TallyClientError('outbox_full', `${this.entries.length} usage events are waiting already`),
      );
    }
    return new Promise((acknowledge, refuse) => {
      this.entries.push({ event, acknowledge, refuse });
      this.delivering ??= this.deliverAll();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    const deadline = new AbortController();
    const outOfTime = wait(this.options.closeMs, undefined, { signal: deadline.signal }).catch(() => {});
    await Promise.race([this.delivering, outOfTime]);
    deadline.abort();
    this.abandoned.abort();
    const left = this.entries.splice(0);
    for (const entry of left)
      entry.refuse(new TallyClientError('outbox_closed', 'Closed before Tally acknowledged the event'));
  }

  /** One batch at a time, in order. A batch that is refused as a whole is halved until the event at fault stands alone. */
  private async deliverAll(): Promise<void> {
    const { gatherMs, batchCountMax } = this.options;
    let failures = 0;
    let batchCount = batchCountMax;
    await this.pause(gatherMs);
    while (this.entries.length > 0) {
      const batch = this.entries.slice(0, batchCount);
      try {
        const rejected = await this.options.deliver(batch.map((entry) => entry.event));
        this.settle(batch.length, rejected);
        failures = 0;
        batchCount = batchCountMax;
      } catch (error) {
        if (this.abandoned.signal.aborted) return;
        this.options.onFailure(error);
        if (!isFinal(error)) await this.pause(this.backoffMs(failures++));
        else if (batch.length > 1) batchCount = Math.ceil(batch.length / 2);
        else this.settle(1, [{ index: 0, code: error.code, message: error.message }]);
      }
    }
    // In the same turn as the last look at the entries, so that no event arrives in between and is left lying.
    this.delivering = null;
  }

  /** The one place where an event leaves the outbox after delivery. */
  private settle(count: number, rejected: RejectedEvents): void {
    const reasons = new Map(rejected.map((rejection) => [rejection.index, rejection]));
    for (const [index, entry] of this.entries.splice(0, count).entries()) {
      const reason = reasons.get(index);
      if (reason === undefined) entry.acknowledge();
      else entry.refuse(new TallyClientError(reason.code, reason.message));
    }
  }

  private backoffMs(failures: number): number {
    const ceilingMs = Math.min(this.options.backoffMsMin * 2 ** failures, this.options.backoffMsMax);
    return ceilingMs * (0.5 + Math.random() / 2);
  }

  private async pause(ms: number): Promise<void> {
    await wait(ms, undefined, { signal: this.abandoned.signal }).catch(() => {});
  }
}

/** Statuses that the same events would get again. Anything else, a revoked key included, may be mended while they wait. */
function isFinal(error: unknown): error is TallyClientError {
  return error instanceof TallyClientError && [400, 413, 422].includes(error.status ?? 0);
}
