/** Where a usage event stays from the moment it is reported until Tally has acknowledged it. Losing one is giving tokens away. */
import { setTimeout as wait } from 'node:timers/promises';
import { Acknowledged } from './acknowledged.js';
import { MemoryBacklog, type Backlog, type Entry } from './backlog.js';
import { DiskBacklog } from './disk-backlog.js';
import { realDisk, type Disk } from './disk.js';
import { TallyClientError } from './tally-client-error.js';
import type { UsageEvent, UsageReceipt } from './protocol/usage-event.js';

export interface UsageReporter {
  /**
   * Resolves when the event is safe: Tally has acknowledged it, or it is on disk, whichever is first. Rejects when it is
   * refused for good before that, or when there is no room to keep it (`outbox_full`).
   */
  report(event: UsageEvent): Promise<void>;
  /** How full the outbox is, from 0 to 1. A gateway should admit no more requests before there is no room for their events. */
  fill(): number;
  /** Takes no more events and delivers the ones that are left, as long as `closeMs` allows. What is on disk is sent by the next start. */
  close(): Promise<void>;
}

type RejectedEvents = UsageReceipt['rejected'];

/** Hands events over; names the ones that are refused for good, and throws when all of them should be tried again. */
export type Deliver = (events: readonly UsageEvent[]) => Promise<RejectedEvents>;

export interface OutboxOptions {
  /** Where events are kept that Tally has not acknowledged, for one process alone; without it they are in memory. */
  directory?: string;
  directoryBytesMax?: number;
  segmentBytesMax?: number;
  /** Called for every delivery or write that failed and will be tried again, and for every damaged file. */
  onFailure?: (error: unknown) => void;
  /** Called with an event that is refused for good after its report has resolved. */
  onRefused?: (event: UsageEvent, error: TallyClientError) => void;
  /** How long the first event of a batch waits for company. */
  gatherMs?: number;
  batchCountMax?: number;
  /** In memory, at about 1 kB each. */
  waitingCountMax?: number;
  backoffMsMin?: number;
  backoffMsMax?: number;
  closeMs?: number;
  /** How long events are kept after their acknowledgement, for a Redis that loses what it has not yet brought to disk. */
  keepMs?: number;
  disk?: Disk;
}

const DEFAULTS = {
  directoryBytesMax: 2 ** 30,
  segmentBytesMax: 2 ** 18,
  onFailure: () => {},
  onRefused: () => {},
  gatherMs: 3,
  batchCountMax: 200,
  waitingCountMax: 20_000,
  backoffMsMin: 100,
  backoffMsMax: 5000,
  closeMs: 10_000,
  keepMs: 5000,
  disk: realDisk,
};

type Settings = Required<Omit<OutboxOptions, 'directory'>>;

/** Fails with `outbox_locked` while another process uses the directory. What it finds there is sent at once. */
export async function openOutbox(deliver: Deliver, options: OutboxOptions = {}): Promise<Outbox> {
  const { directory, ...chosen } = options;
  const settings: Settings = { ...DEFAULTS, ...chosen };
  if (directory === undefined) {
    return new Outbox({ deliver, backlog: new MemoryBacklog(settings.waitingCountMax), settings });
  }
  const unlock = await settings.disk.lock(directory);
  try {
    const backoffMs = (failures: number) => backoff(settings, failures);
    const backlog = await DiskBacklog.open({ ...settings, directory, backoffMs });
    return new Outbox({ deliver, backlog, settings, unlock });
  } catch (error) {
    await unlock();
    throw error;
  }
}

interface OutboxParts {
  readonly deliver: Deliver;
  readonly backlog: Backlog;
  readonly settings: Settings;
  readonly unlock?: () => Promise<void>;
}

export class Outbox implements UsageReporter {
  private readonly settings: Settings;
  private readonly acknowledged: Acknowledged;
  /** Acknowledged before, and sent again all the same. */
  private readonly recalled = new MemoryBacklog(Infinity);
  private readonly abandoned = new AbortController();
  private delivering: Promise<void> | null = null;
  private closed = false;

  constructor(private readonly parts: OutboxParts) {
    this.settings = parts.settings;
    const { keepMs, waitingCountMax } = this.settings;
    this.acknowledged = new Acknowledged({ keepMs, countMax: waitingCountMax });
    if (!parts.backlog.isEmpty) this.delivering = this.deliverAll();
  }

  report(event: UsageEvent): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.closed) throw new TallyClientError('outbox_closed', 'The reporter is closed');
      this.parts.backlog.add({ event, resolve, reject, kept: false, settled: false });
      this.delivering ??= this.deliverAll();
    });
  }

  fill(): number {
    return this.parts.backlog.fill();
  }

  /** Sends the events of the last moments again, because whoever acknowledged them may have lost them. */
  recall(): void {
    if (this.closed) return;
    for (const entry of this.acknowledged.takeAll()) this.recalled.add(entry);
    if (!this.isEmpty) this.delivering ??= this.deliverAll();
  }

  async close(): Promise<void> {
    this.closed = true;
    const deadline = new AbortController();
    const outOfTime = wait(this.settings.closeMs, undefined, { signal: deadline.signal }).catch(() => {});
    await Promise.race([this.delivering, outOfTime]);
    deadline.abort();
    this.abandoned.abort();
    await this.parts.backlog.close();
    await this.parts.unlock?.();
  }

  private get isEmpty(): boolean {
    return this.recalled.isEmpty && this.parts.backlog.isEmpty;
  }

  /** One batch at a time, in order. A batch that is refused as a whole is halved until the event at fault stands alone. */
  private async deliverAll(): Promise<void> {
    const { gatherMs, batchCountMax, onFailure } = this.settings;
    let failures = 0;
    let batchCount = batchCountMax;
    await this.pause(gatherMs);
    while (!this.isEmpty && !this.abandoned.signal.aborted) {
      const backlog = this.recalled.isEmpty ? this.parts.backlog : this.recalled;
      let batch: readonly Entry[] = [];
      try {
        batch = await backlog.head(batchCount);
        if (batch.length === 0) continue;
        const rejected = await this.parts.deliver(batch.map((entry) => entry.event));
        if (this.abandoned.signal.aborted) return;
        this.settle(backlog, batch, rejected);
        failures = 0;
        batchCount = batchCountMax;
      } catch (error) {
        if (this.abandoned.signal.aborted) return;
        onFailure(error);
        if (!isFinal(error)) await this.pause(backoff(this.settings, failures++));
        else if (batch.length > 1) batchCount = Math.ceil(batch.length / 2);
        else this.settle(backlog, batch, [{ index: 0, code: error.code, message: error.message }]);
      }
    }
    // In the same turn as the last look at the entries, so that no event arrives in between and is left lying.
    this.delivering = null;
  }

  /** The one place where an event leaves the outbox after delivery. */
  private settle(backlog: Backlog, batch: readonly Entry[], rejected: RejectedEvents): void {
    const reasons = new Map(rejected.map((rejection) => [rejection.index, rejection]));
    for (const [index, entry] of batch.entries()) {
      entry.settled = true;
      const reason = reasons.get(index);
      if (reason === undefined) entry.resolve();
      else this.refuse(entry, new TallyClientError(reason.code, reason.message));
    }
    backlog.remove(batch.length);
    this.acknowledged.add(batch.filter((_entry, index) => !reasons.has(index)));
  }

  private refuse(entry: Entry, error: TallyClientError): void {
    if (entry.kept) this.settings.onRefused(entry.event, error);
    else entry.reject(error);
  }

  private async pause(ms: number): Promise<void> {
    if (ms > 0) await wait(ms, undefined, { signal: this.abandoned.signal }).catch(() => {});
  }
}

function backoff({ backoffMsMin, backoffMsMax }: Settings, failures: number): number {
  const ceilingMs = Math.min(backoffMsMin * 2 ** failures, backoffMsMax);
  return ceilingMs * (0.5 + Math.random() / 2);
}

/** Statuses that the same events would get again. Anything else, a revoked key included, may be mended while they wait. */
function isFinal(error: unknown): error is TallyClientError {
  return error instanceof TallyClientError && [400, 413, 422].includes(error.status ?? 0);
}
