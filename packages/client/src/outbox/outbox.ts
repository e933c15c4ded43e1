/** Keeps a usage event from the moment it is reported until Tally has acknowledged it. An event that is lost is never charged. */
import { setTimeout as wait } from 'node:timers/promises';
import type { UsageEvent, UsageReceipt } from '../protocol/usage-event.js';
import { TallyClientError } from '../tally-client-error.js';
import { realDisk, type Disk } from './disk.js';
import { DiskStore } from './disk-store.js';
import type { EventStore, PendingEvent } from './event-store.js';
import { MemoryStore } from './memory-store.js';
import { RecentDeliveries } from './recent-deliveries.js';

/** What a gateway reports usage to: an outbox in front of HTTP (`httpReporter`) or of the queue (`queueReporter`). */
export interface UsageReporter {
  /**
   * Resolves when the event is safe: Tally has acknowledged it, or it is on disk, whichever comes first. Rejects with a
   * `TallyClientError`: with Tally's code where Tally refuses the event for good before that, with `outbox_full` where there
   * is no room to keep it, and with `outbox_closed` where the reporter closes first.
   */
  report(event: UsageEvent): Promise<void>;
  /**
   * How full the outbox is, from 0 to 1. A gateway should stop admitting requests before their events find no room,
   * for example above 0.9.
   */
  fillRatio(): number;
  /**
   * Takes no more events and delivers those that are left, for at most `closeMs`. Events on disk that are then left are sent
   * by the next process that opens the directory; the reports of those in memory reject with `outbox_closed`.
   */
  close(): Promise<void>;
}

/**
 * Hands 1 to `batchCountMax` events over. Returns those that are refused for good, and throws when all of them should be sent
 * again.
 */
export type Deliver = (events: readonly UsageEvent[]) => Promise<UsageReceipt['rejected']>;

export interface OutboxOptions {
  /**
   * Where to keep events on disk that Tally has not acknowledged. It belongs to one process at a time, and must survive that
   * process: in a container, a volume. Left out, events are kept in memory only.
   */
  directory?: string;
  /** The most bytes in the directory: 1 GiB when left out. */
  directoryBytesMax?: number;
  /** How large one file grows: 256 KiB when left out. */
  segmentBytesMax?: number;
  /** Called for every delivery or write that failed and will be tried again, and for every damaged file. */
  onFailure?: (error: unknown) => void;
  /** Called with an event that Tally refuses for good after its report has resolved: it will not be charged. */
  onRefused?: (event: UsageEvent, error: TallyClientError) => void;
  /** How long the first event of a batch waits for more: 3 ms when left out. */
  gatherMs?: number;
  /** Events in one delivery, 1 to 1,000: 500 when left out. */
  batchCountMax?: number;
  /** The most events in memory, at about 1 kB each: 20,000 when left out. */
  waitingCountMax?: number;
  /** The first and the longest pause after a failure: 100 ms and 5 s when left out. */
  backoffMsMin?: number;
  backoffMsMax?: number;
  /** How long `close` tries to deliver: 10 s when left out. */
  closeMs?: number;
  /**
   * How long to keep events after their acknowledgement, to send them again after a crash of a Redis that writes to disk once
   * a second: 5 s when left out, and 0 over HTTP, where no crash of Tally's Redis is noticed.
   */
  keepMs?: number;
}

const DEFAULTS = {
  directoryBytesMax: 2 ** 30,
  segmentBytesMax: 2 ** 18,
  onFailure: () => {},
  onRefused: () => {},
  gatherMs: 3,
  batchCountMax: 500,
  waitingCountMax: 20_000,
  backoffMsMin: 100,
  backoffMsMax: 5000,
  closeMs: 10_000,
  keepMs: 5000,
};

type Settings = Required<Omit<OutboxOptions, 'directory'>>;

/** Sends at once what it finds in the directory. Rejects with `outbox_locked` while another process uses the directory. */
export function openOutbox(deliver: Deliver, options: OutboxOptions = {}): Promise<Outbox> {
  return openOutboxOn(realDisk, deliver, options);
}

/** Tests bring a disk that fails. */
export async function openOutboxOn(disk: Disk, deliver: Deliver, options: OutboxOptions): Promise<Outbox> {
  const { directory, ...chosen } = options;
  const settings: Settings = { ...DEFAULTS, ...chosen };
  if (directory === undefined) {
    return new Outbox({ deliver, store: new MemoryStore(settings.waitingCountMax), settings });
  }
  const unlock = await disk.lock(directory);
  try {
    const backoffMs = (failures: number) => backoff(settings, failures);
    const store = await DiskStore.open({ ...settings, disk, directory, backoffMs });
    return new Outbox({ deliver, store, settings, unlock });
  } catch (error) {
    await unlock();
    throw error;
  }
}

interface OutboxParts {
  readonly deliver: Deliver;
  readonly store: EventStore;
  readonly settings: Settings;
  readonly unlock?: () => Promise<void>;
}

export class Outbox implements UsageReporter {
  private readonly settings: Settings;
  private readonly recent: RecentDeliveries;
  /** Events that Tally acknowledged and may have lost: sent again before anything else. */
  private readonly resending = new MemoryStore(Infinity);
  private readonly abandoned = new AbortController();
  private delivering: Promise<void> | null = null;
  private isClosed = false;

  constructor(private readonly parts: OutboxParts) {
    this.settings = parts.settings;
    const { keepMs, waitingCountMax } = this.settings;
    this.recent = new RecentDeliveries({ keepMs, countMax: waitingCountMax });
    if (!parts.store.isEmpty) this.delivering = this.deliverAll();
  }

  report(event: UsageEvent): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.isClosed) throw new TallyClientError('outbox_closed', 'The reporter is closed');
      this.parts.store.add({ event, resolve, reject, isOnDisk: false, isSettled: false });
      this.delivering ??= this.deliverAll();
    });
  }

  fillRatio(): number {
    return this.parts.store.fillRatio();
  }

  /** Sends what was acknowledged within the last `keepMs` once more, because the receiver may have lost it in a crash. */
  resendRecent(): void {
    if (this.isClosed) return;
    for (const event of this.recent.takeAll()) this.resending.add(event);
    if (!this.isEmpty) this.delivering ??= this.deliverAll();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    const deadline = new AbortController();
    const outOfTime = wait(this.settings.closeMs, undefined, { signal: deadline.signal }).catch(() => {});
    await Promise.race([this.delivering, outOfTime]);
    deadline.abort();
    this.abandoned.abort();
    await this.parts.store.close();
    await this.parts.unlock?.();
  }

  private get isEmpty(): boolean {
    return this.resending.isEmpty && this.parts.store.isEmpty;
  }

  /** One batch at a time, oldest first. A batch that is refused as a whole is halved until the event at fault is alone. */
  private async deliverAll(): Promise<void> {
    const { gatherMs, batchCountMax, onFailure } = this.settings;
    let failures = 0;
    let batchCount = batchCountMax;
    await this.pause(gatherMs);
    while (!this.isEmpty && !this.abandoned.signal.aborted) {
      const store = this.resending.isEmpty ? this.parts.store : this.resending;
      let batch: readonly PendingEvent[] = [];
      try {
        batch = await store.oldest(batchCount);
        if (batch.length === 0) continue;
        const rejected = await this.parts.deliver(batch.map(({ event }) => event));
        if (this.abandoned.signal.aborted) return;
        this.settle(store, batch, rejected);
        failures = 0;
        batchCount = batchCountMax;
      } catch (error) {
        if (this.abandoned.signal.aborted) return;
        onFailure(error);
        if (!isFinal(error)) await this.pause(backoff(this.settings, failures++));
        else if (batch.length > 1) batchCount = Math.ceil(batch.length / 2);
        else this.settle(store, batch, [{ index: 0, code: error.code, message: error.message }]);
      }
    }
    // In the same turn as the last look at the stores, so that no event arrives in between and is left unsent.
    this.delivering = null;
  }

  /** The one place where an event leaves the outbox after its delivery. */
  private settle(
    store: EventStore,
    batch: readonly PendingEvent[],
    rejected: UsageReceipt['rejected'],
  ): void {
    const reasons = new Map(rejected.map((rejection) => [rejection.index, rejection]));
    for (const [index, event] of batch.entries()) {
      event.isSettled = true;
      const reason = reasons.get(index);
      if (reason === undefined) event.resolve();
      else this.refuse(event, new TallyClientError(reason.code, reason.message));
    }
    store.removeOldest(batch.length);
    this.recent.add(batch.filter((_event, index) => !reasons.has(index)));
  }

  private refuse(event: PendingEvent, error: TallyClientError): void {
    if (event.isOnDisk) this.settings.onRefused(event.event, error);
    else event.reject(error);
  }

  private async pause(ms: number): Promise<void> {
    if (ms > 0) await wait(ms, undefined, { signal: this.abandoned.signal }).catch(() => {});
  }
}

function backoff({ backoffMsMin, backoffMsMax }: Settings, failures: number): number {
  const ceilingMs = Math.min(backoffMsMin * 2 ** failures, backoffMsMax);
  return ceilingMs * (0.5 + Math.random() / 2);
}

/** The same events would get these statuses again. Anything else, even a revoked key, may be put right while they wait. */
function isFinal(error: unknown): error is TallyClientError {
  return error instanceof TallyClientError && [400, 413, 422].includes(error.status ?? 0);
}
