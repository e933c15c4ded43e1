/** Renews one project's lease at Tally before it runs short, and gives it back when no request uses it. */
import { LEASE_FINISHED_MAX, LEASE_MODELS_MAX, type LeaseAnswer } from '../protocol/lease.js';
import { picosFromUsd } from '../protocol/money.js';
import { isPrintable, TEXT_LENGTH_MAX } from '../protocol/names.js';
import type { ReservationRequest, TallyClient } from '../tally-client.js';
import { TallyClientError } from '../tally-client-error.js';
import { holdNanos, holdPricesOf, type HoldPrices } from './hold-size.js';
import { Lease, type Instant } from './lease.js';

export interface LeaseSettings {
  readonly tally: Pick<TallyClient, 'renewLease' | 'endLease'>;
  readonly ttlSeconds: number;
  readonly requestSeconds: number;
  /** What is free is given back after this time without a request. */
  readonly idleMs: number;
  readonly sliceNanosMax: number;
  readonly now: () => Instant;
  readonly onFailure: (error: unknown) => void;
}

/** A slice should last for two lifetimes at the present demand, and be enough for 32 of the largest requests. */
const LIFETIMES_WANTED = 2;
const HOLDS_WANTED = 32;
/** How much of the demand measured before, and of the largest hold seen before, counts at each renewal. */
const DEMAND_MEMORY = 0.7;
const LARGEST_MEMORY = 0.9;
/** Finished requests are handed over ahead of time when there are this many. */
const FINISHED_EARLY = LEASE_FINISHED_MAX / 2;
/** How long not to ask for a slice after Tally granted none, by its reason. */
const PAUSE_MS: Readonly<Record<string, number>> = {
  near_limit: 1_000,
  concurrency_limited: 10_000,
  not_enforced: 10_000,
};
/** How long not to ask after a recall: twice as long as a denial tells others to wait. */
const RECALL_PAUSE_MS = 2_000;
const BACKOFF_MS_MIN = 200;
const BACKOFF_MS_MAX = 5_000;

export class LeasedProject {
  readonly lease: Lease;
  private prices: ReadonlyMap<string, HoldPrices> = new Map();
  /** When each model was last asked for. */
  private readonly models = new Map<string, number>();
  /** The models of the last statement that was answered, with or without a price. */
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
  /** True where a statement must be sent soon, whatever else is due. */
  private isUrgent = false;
  private needsPrices = false;
  /** True once the slice was too small for a request, even where releases have made room again since. */
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
  reserve(request: ReservationRequest, now: Instant): string | null {
    this.usedMs = now.monotonicMs;
    this.useCount += 1;
    const { model } = request;
    // What the dearest of several costs is for Tally to say.
    if (!isDefaultTier(request) || typeof model !== 'string') return null;
    const prices = this.prices.get(model);
    if (prices === undefined && !isModelName(model)) return null;
    this.models.set(model, now.monotonicMs);
    if (prices === undefined) return this.missPrice(model);
    const nanos = holdNanos(prices, request);
    if (nanos === null) return null;
    this.demandNanos += nanos;
    if (nanos > this.largestNanos) this.largestNanos = nanos;
    const id = this.lease.hold(nanos, now);
    if (id === null) this.missSlice();
    else if (this.lease.freeNanos * 2 < this.sliceNanos) this.schedule();
    return id;
  }

  finish(id: string): void {
    if (this.lease.finish(id) && this.lease.finishedCount >= FINISHED_EARLY) this.schedule();
  }

  /** Admits nothing more until Tally grants another slice. Resolves when Tally has been told, or could not be. */
  recall(): Promise<void> {
    const { monotonicMs } = this.settings.now();
    this.pausedUntilMs = Math.max(this.pausedUntilMs, monotonicMs + RECALL_PAUSE_MS);
    this.lease.recall();
    if (!this.lease.isStated) return Promise.resolve();
    this.isUrgent = true;
    this.recalling ??= this.giveBack().finally(() => (this.recalling = null));
    return this.recalling;
  }

  /** True where Tally may deny a request only because of what is free here. */
  get isInTheWay(): boolean {
    return this.lease.freeNanos > 0 || this.recalling !== null;
  }

  private async giveBack(): Promise<void> {
    // A renewal in flight has stated what was free before the recall.
    await this.renewing;
    if (this.isUrgent) await this.renew();
  }

  /** To be called regularly: renews the lease where that is due. Returns true where it is idle and ends. */
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

  /** Hands everything over and ends the lease. Where that cannot reach Tally, Tally's holds expire. */
  async end(): Promise<void> {
    await this.renewing;
    this.lease.finishAll();
    if (!this.lease.isStated) return;
    const { tally, now, onFailure } = this.settings;
    try {
      for (let left = this.lease.finishedCount; left > LEASE_FINISHED_MAX; left -= LEASE_FINISHED_MAX)
        this.lease.accept(await tally.renewLease(this.lease.nextStatement(now(), this.wish(0))));
      await tally.endLease(this.lease.id, this.lease.ending(now()));
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
    // A single request is no reason for a lease.
    if (this.useCount < 2) return false;
    if (this.largestNanos === 0) return this.needsPrices;
    const isRunningLow = this.lease.freeNanos * 2 < this.sliceNanos;
    return this.needsPrices || this.isShort || isRunningLow || !this.lease.admits(now);
  }

  private missSlice(): void {
    this.isShort = true;
    this.schedule();
  }

  private missPrice(model: string): null {
    if (!this.modelsStated.includes(model)) this.needsPrices = true;
    this.schedule();
    return null;
  }

  /** Renews in a later turn of the event loop, so that the caller gets its decision first. */
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
    const statement = this.lease.nextStatement(at, this.wish(this.wantedNanos(at)));
    this.statedMs = at.monotonicMs;
    try {
      this.accept(await tally.renewLease(statement));
      this.modelsStated = statement.models;
      this.needsPrices = false;
      this.failures = 0;
    } catch (error) {
      const hasEnded = error instanceof TallyClientError && error.status === 404;
      if (hasEnded) this.lease.restart();
      else onFailure(error);
      // The next statement must say what this one said.
      this.isUrgent = true;
      const backoffMs = Math.min(BACKOFF_MS_MIN * 2 ** this.failures, BACKOFF_MS_MAX);
      this.backoffUntilMs = now().monotonicMs + (hasEnded ? 0 : backoffMs);
      this.failures += 1;
    }
  }

  private accept(answer: LeaseAnswer): void {
    this.lease.accept(answer);
    this.prices = holdPricesOf(answer);
    // Everything was given back, and Tally holds it until the next statement says so.
    if (this.lease.freeNanos === 0 && picosFromUsd(answer.give_back_usd) > 0n) this.isUrgent = true;
    this.sliceNanos = this.lease.freeNanos;
    const pauseMs = PAUSE_MS[answer.reason ?? ''] ?? 0;
    this.pausedUntilMs = Math.max(this.pausedUntilMs, this.settings.now().monotonicMs + pauseMs);
  }

  private wish(wantedNanos: number) {
    return { wantedNanos, largestNanos: this.largestNanos, models: Array.from(this.models.keys()) };
  }

  /** Zero makes the statement give back what is free. */
  private wantedNanos(now: Instant): number {
    const { idleMs, sliceNanosMax, ttlSeconds } = this.settings;
    const { monotonicMs } = now;
    this.measureDemand(monotonicMs);
    if (monotonicMs - this.usedMs > idleMs || monotonicMs < this.pausedUntilMs) return 0;
    const byDemand = Math.ceil(this.nanosPerMs * ttlSeconds * 1_000 * LIFETIMES_WANTED);
    return Math.min(sliceNanosMax, Math.max(byDemand, this.largestNanos * HOLDS_WANTED));
  }

  private measureDemand(nowMs: number): void {
    const elapsedMs = nowMs - this.statedMs;
    if (elapsedMs > 0 && elapsedMs < Infinity)
      this.nanosPerMs =
        DEMAND_MEMORY * this.nanosPerMs + (1 - DEMAND_MEMORY) * (this.demandNanos / elapsedMs);
    this.demandNanos = 0;
    this.largestNanos = Math.floor(this.largestNanos * LARGEST_MEMORY);
    for (const [model, usedMs] of this.models)
      if (nowMs - usedMs > this.settings.idleMs) this.models.delete(model);
    for (const model of this.models.keys())
      if (this.models.size > LEASE_MODELS_MAX) this.models.delete(model);
  }
}

/** The prices of a lease are those of this tier. Any other spelling is left to Tally. */
function isDefaultTier({ serviceTier = 'default' }: ReservationRequest): boolean {
  return serviceTier === 'default';
}

/** Tally would refuse any other name, and with it the whole statement. */
function isModelName(model: string): boolean {
  return model.length > 0 && model.length <= TEXT_LENGTH_MAX && isPrintable(model);
}
