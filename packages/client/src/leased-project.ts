/** One project's lease kept in step with Tally: renewed ahead of need, given back when nothing draws on it. */
import { Lease, type Instant } from './lease.js';
import { holdNanos, ratesIn, type HoldRates } from './hold-rates.js';
import { TallyClientError } from './tally-client-error.js';
import { LEASE_FINISHED_MAX, LEASE_MODELS_MAX, type LeaseAnswer } from './protocol/lease.js';
import { picosFromUsd } from './protocol/money.js';
import { isPrintable, TEXT_LENGTH_MAX } from './protocol/names.js';
import type { ReservationRequest, TallyClient } from './tally-client.js';

export interface LeaseSettings {
  readonly tally: Pick<TallyClient, 'lease' | 'endLease'>;
  readonly ttlSeconds: number;
  readonly requestSeconds: number;
  /** After this time without a request, what is free is given back. */
  readonly idleMs: number;
  readonly sliceNanosMax: number;
  readonly now: () => Instant;
  readonly onFailure: (error: unknown) => void;
}

/** A slice is to last for so many lifetimes, or for so many of the largest requests. */
const LIFETIMES_WANTED = 2;
const HOLDS_WANTED = 32;
/** How much of what was seen before counts at each renewal. */
const MEMORY = 0.7;
const LARGEST_MEMORY = 0.9;
/** Finished requests that wait for so many are handed over ahead of time. */
const FINISHED_EARLY = LEASE_FINISHED_MAX / 2;
/** How long not to ask for a slice after there was none, by the reason. */
const PAUSE_MS: Readonly<Record<string, number>> = {
  near_limit: 1_000,
  concurrency_limited: 10_000,
  not_enforced: 10_000,
};
/** And after a recall: twice as long as the others are told to wait. */
const RECALL_PAUSE_MS = 2_000;
const BACKOFF_MS_MIN = 200;
const BACKOFF_MS_MAX = 5_000;

export class LeasedProject {
  readonly lease: Lease;
  private rates: ReadonlyMap<string, HoldRates> = new Map();
  /** When each model was last asked for. */
  private readonly models = new Map<string, number>();
  /** Those of the last statement, with a price or without. */
  private modelsStated: readonly string[] = [];
  private usedMs: number;
  private useCount = 0;
  private statedMs = -Infinity;
  private sliceNanos = 0;
  private demandNanos = 0;
  private nanosPerMs = 0;
  private largestNanos = 0;
  private pausedUntilMs = -Infinity;
  private backoffUntilMs = -Infinity;
  private failures = 0;
  /** True where something must be stated soon, whatever else is due. */
  private isUrgent = false;
  private needsRates = false;
  /** True once the slice was too small for a request, though releases may have filled it again since. */
  private isShort = false;
  private renewing: Promise<void> | null = null;
  private recalling: Promise<void> | null = null;
  private isScheduled = false;

  constructor(
    project: string,
    private readonly settings: LeaseSettings,
  ) {
    this.lease = new Lease(project, settings);
    this.usedMs = settings.now().monotonicMs;
  }

  /** A reservation id, or null where Tally must be asked. Waits for nothing. */
  admit(request: ReservationRequest, now: Instant): string | null {
    this.usedMs = now.monotonicMs;
    this.useCount += 1;
    const rates = this.rates.get(request.model);
    if (rates === undefined && !isModelName(request.model)) return null;
    this.models.set(request.model, now.monotonicMs);
    if (rates === undefined) return this.missModel(request.model);
    const nanos = holdNanos(rates, request);
    if (nanos === null) return null;
    this.demandNanos += nanos;
    if (nanos > this.largestNanos) this.largestNanos = nanos;
    const id = this.lease.draw(nanos, now);
    if (id === null) this.missSlice();
    else if (this.lease.freeNanos * 2 < this.sliceNanos) this.schedule();
    return id;
  }

  finish(id: string): void {
    if (this.lease.finish(id) && this.lease.finishedCount >= FINISHED_EARLY) this.schedule();
  }

  /** Nothing is admitted from here on until Tally grants anew; resolves when Tally knows. */
  recall(): Promise<void> {
    const { monotonicMs } = this.settings.now();
    this.pausedUntilMs = Math.max(this.pausedUntilMs, monotonicMs + RECALL_PAUSE_MS);
    this.lease.recall();
    if (!this.lease.isStated) return Promise.resolve();
    this.isUrgent = true;
    this.recalling ??= this.giveBack().finally(() => (this.recalling = null));
    return this.recalling;
  }

  /** True where others may be denied for the sake of what is free here. */
  get isInTheWay(): boolean {
    return this.lease.freeNanos > 0 || this.recalling !== null;
  }

  private async giveBack(): Promise<void> {
    // An exchange that runs has stated what was before.
    await this.renewing;
    if (this.isUrgent) await this.renew();
  }

  /** Called every now and then: states what is due. True where the project may be forgotten. */
  tick(): boolean {
    const now = this.settings.now();
    const isIdle = now.monotonicMs - this.usedMs > this.settings.idleMs;
    if (isIdle && this.lease.isEmpty && !this.isUrgent && this.renewing === null) {
      void this.end();
      return true;
    }
    if (this.isDue(now, isIdle)) void this.renew();
    return false;
  }

  /** Hands everything over and ends the lease; what Tally does not hear of expires by itself. */
  async end(): Promise<void> {
    await this.renewing;
    this.lease.finishAll();
    if (!this.lease.isStated) return;
    const { tally, now, onFailure } = this.settings;
    try {
      for (let left = this.lease.finishedCount; left > LEASE_FINISHED_MAX; left -= LEASE_FINISHED_MAX)
        this.lease.accept(await tally.lease(this.lease.state(now(), this.wish(0))));
      await tally.endLease(this.lease.id, this.lease.end(now()));
    } catch (error) {
      onFailure(error);
    }
  }

  private isDue(now: Instant, isIdle: boolean): boolean {
    const { monotonicMs } = now;
    if (this.renewing !== null || monotonicMs < this.backoffUntilMs) return false;
    if (this.isUrgent || this.lease.finishedCount >= FINISHED_EARLY) return true;
    const isOld = monotonicMs - this.statedMs > (this.settings.ttlSeconds * 1_000) / 3;
    if (this.lease.isStated && !this.lease.isEmpty && isOld) return true;
    if (isIdle) return this.lease.freeNanos > 0;
    if (monotonicMs < this.pausedUntilMs) return false;
    // One request alone is no reason for a lease.
    if (this.useCount < 2) return false;
    if (this.largestNanos === 0) return this.needsRates;
    return (
      this.needsRates || this.isShort || !this.lease.admits(now) || this.lease.freeNanos * 2 < this.sliceNanos
    );
  }

  private missSlice(): void {
    this.isShort = true;
    this.schedule();
  }

  private missModel(model: string): null {
    if (!this.modelsStated.includes(model)) this.needsRates = true;
    this.schedule();
    return null;
  }

  /** Not within the decision: its caller waits. */
  private schedule(): void {
    if (this.isScheduled || this.renewing !== null) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      this.tick();
    });
  }

  private renew(): Promise<void> {
    this.renewing ??= this.exchange().finally(() => (this.renewing = null));
    return this.renewing;
  }

  private async exchange(): Promise<void> {
    const { tally, now, onFailure } = this.settings;
    const at = now();
    this.isUrgent = false;
    this.isShort = false;
    const statement = this.lease.state(at, this.wish(this.wantedNanos(at)));
    this.statedMs = at.monotonicMs;
    try {
      this.take(await tally.lease(statement));
      this.modelsStated = statement.models;
      this.needsRates = false;
      this.failures = 0;
    } catch (error) {
      const hasEnded = error instanceof TallyClientError && error.status === 404;
      if (hasEnded) this.lease.restart();
      else onFailure(error);
      // What was to be stated is to be stated still.
      this.isUrgent = true;
      const backoffMs = Math.min(BACKOFF_MS_MIN * 2 ** this.failures, BACKOFF_MS_MAX);
      this.backoffUntilMs = now().monotonicMs + (hasEnded ? 0 : backoffMs);
      this.failures += 1;
    }
  }

  private take(answer: LeaseAnswer): void {
    this.lease.accept(answer);
    this.rates = ratesIn(answer);
    // All is given back: Tally holds it until it hears so.
    if (this.lease.freeNanos === 0 && picosFromUsd(answer.give_back_usd) > 0n) this.isUrgent = true;
    this.sliceNanos = this.lease.freeNanos;
    const pauseMs = PAUSE_MS[answer.reason ?? ''] ?? 0;
    this.pausedUntilMs = Math.max(this.pausedUntilMs, this.settings.now().monotonicMs + pauseMs);
  }

  private wish(wantedNanos: number) {
    return { wantedNanos, largestNanos: this.largestNanos, models: Array.from(this.models.keys()) };
  }

  /** Zero gives back what is free. */
  private wantedNanos(now: Instant): number {
    const { idleMs, sliceNanosMax, ttlSeconds } = this.settings;
    const { monotonicMs } = now;
    this.learn(monotonicMs);
    if (monotonicMs - this.usedMs > idleMs || monotonicMs < this.pausedUntilMs) return 0;
    const byDemand = Math.ceil(this.nanosPerMs * ttlSeconds * 1_000 * LIFETIMES_WANTED);
    return Math.min(sliceNanosMax, Math.max(byDemand, this.largestNanos * HOLDS_WANTED));
  }

  private learn(nowMs: number): void {
    const elapsedMs = nowMs - this.statedMs;
    if (elapsedMs > 0 && elapsedMs < Infinity)
      this.nanosPerMs = MEMORY * this.nanosPerMs + (1 - MEMORY) * (this.demandNanos / elapsedMs);
    this.demandNanos = 0;
    this.largestNanos = Math.floor(this.largestNanos * LARGEST_MEMORY);
    for (const [model, usedMs] of this.models)
      if (nowMs - usedMs > this.settings.idleMs) this.models.delete(model);
    for (const model of this.models.keys())
      if (this.models.size > LEASE_MODELS_MAX) this.models.delete(model);
  }
}

/** Tally refuses any other, and with it the whole statement that names it. */
function isModelName(model: string): boolean {
  return model.length > 0 && model.length <= TEXT_LENGTH_MAX && isPrintable(model);
}
