/** The hot standby of REPORTS_DATABASE_URL: whether it answers, and how far it lags. */
import { setTimeout as delay } from 'node:timers/promises';
import { isRetryable } from './postgres-errors.js';
import type { PoolCounts, PurposePool, Tx } from './purpose-pool.js';
import { ReplayLag } from './replay-lag.js';
import { ReportsDatabase } from './reports-database.js';
import { findReplayed, type Replayed } from './standby.sql.js';

const WATCH_MS = 500;
/** One that takes longer to say how far it is counts as unavailable. */
const ANSWER_MS_MAX = 2_000;

export type StandbyState = { readonly isUp: boolean; readonly lagSeconds: number | null };

export type StandbyParts = {
  readonly reading: PurposePool;
  readonly connectionsMax: number;
  /** A connection of its own, which no report holds. */
  readonly watching: PurposePool;
  /** How far the primary has written. */
  readonly askWritten: () => Promise<bigint>;
  /** Called once at the beginning and once at the end of an outage. */
  readonly onChange: (isUp: boolean, reason: string | null) => void;
};

export class Standby {
  readonly reports: ReportsDatabase;
  private readonly lag = new ReplayLag();
  private isSampling = false;
  private asking: Promise<Replayed> | null = null;
  private known: StandbyState | null = null;
  private isClosed = false;

  constructor(private readonly parts: StandbyParts) {
    this.reports = new ReportsDatabase(parts.reading, parts.connectionsMax);
    void this.watch();
  }

  get state(): StandbyState {
    return this.known ?? { isUp: false, lagSeconds: null };
  }

  /** How old what the transaction sees may be; null where that cannot be told. */
  async lagIn(tx: Tx): Promise<number | null> {
    return this.secondsOf(await findReplayed(tx));
  }

  /** Asks it now. */
  async answers(): Promise<boolean> {
    let reason: string | null = null;
    try {
      const lagSeconds = this.secondsOf(await this.ask());
      this.become({ isUp: true, lagSeconds }, null);
    } catch (error) {
      // Replay canceled the question, so it is at work.
      if (isRetryable(error) && this.known !== null) return this.known.isUp;
      reason = error instanceof Error ? error.message : String(error);
      this.become({ isUp: false, lagSeconds: null }, reason);
    }
    return reason === null;
  }

  counts(): PoolCounts {
    return this.reports.counts();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all([this.parts.reading.close(), this.parts.watching.close()]);
  }

  private async watch(): Promise<void> {
    while (!this.isClosed) {
      void this.sample();
      await this.answers();
      await delay(WATCH_MS, undefined, { ref: false });
    }
  }

  /** While the primary does not answer, what it had written before goes on being the measure. */
  private async sample(): Promise<void> {
    if (this.isSampling) return;
    this.isSampling = true;
    const atMs = performance.now();
    await this.parts.askWritten().then(
      (bytes) => this.lag.sample({ bytes, atMs }),
      () => {},
    );
    this.isSampling = false;
  }

  /** One question at a time, also where the answer to an earlier one is late. */
  private async ask(): Promise<Replayed> {
    this.asking ??= findReplayed(this.parts.watching.reader).finally(() => (this.asking = null));
    this.asking.catch(() => {});
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`it does not answer within ${ANSWER_MS_MAX} ms`)),
        ANSWER_MS_MAX,
      );
      timer.unref();
    });
    return Promise.race([this.asking, tooLate]).finally(() => clearTimeout(timer));
  }

  /** A standby that was promoted lags behind nobody. */
  private secondsOf({ bytes, sinceCommitSeconds }: Replayed): number | null {
    return bytes === null ? 0 : (this.lag.secondsOf(bytes, performance.now()) ?? sinceCommitSeconds);
  }

  private become(state: StandbyState, reason: string | null): void {
    const wasUp = this.known?.isUp ?? true;
    this.known = state;
    if (wasUp !== state.isUp && !this.isClosed) this.parts.onChange(state.isUp, reason);
  }
}
