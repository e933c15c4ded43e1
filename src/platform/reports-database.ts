/**
 * What reports see of Postgres: connections of their own, so that no number of slow readers keeps an event, a purchase or a decision
 * from one. Nothing can be written through it.
 */
import { Gate } from './gate.js';
import type { PoolCounts, PurposePool, Tx } from './purpose-pool.js';
import { Snapshot } from './snapshot.sql.js';

/** Reports of this process that run or wait for a connection. Above it a caller is told to come back. */
const REPORTS_MAX = 120;
const WAIT_MS_MAX = 10_000;

/** Exports and reconciliations that wait for a connection. */
const LONG_WAITING_MAX = 4;

export class ReportsDatabase {
  private readonly reports: Gate;
  private readonly long: Gate;

  constructor(
    private readonly pool: PurposePool,
    connectionsMax: number,
  ) {
    this.reports = new Gate({
      name: 'reports',
      runningMax: connectionsMax,
      waitingMax: REPORTS_MAX - connectionsMax,
      waitMsMax: WAIT_MS_MAX,
    });
    // At most half of the connections, so that reports go on beside them.
    this.long = new Gate({
      name: 'exports',
      runningMax: Math.max(1, Math.floor(connectionsMax / 2)),
      waitingMax: LONG_WAITING_MAX,
      waitMsMax: WAIT_MS_MAX,
    });
  }

  /** Runs `work` on one snapshot of the database. Throws Unavailable where too many reports wait already. */
  read<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.reports.pass(() => this.pool.transaction(work));
  }

  /** For what takes minutes. */
  readLong<T>(work: (tx: Tx) => Promise<T>, { timeoutMs }: { timeoutMs: number }): Promise<T> {
    return this.long.pass(() => this.reports.pass(() => this.pool.transaction(work, { timeoutMs })));
  }

  /** For reading more rows than memory holds. The caller closes it. */
  async snapshot(): Promise<Snapshot> {
    const leaves: (() => void)[] = [];
    const leave = (): void => leaves.forEach((each) => each());
    try {
      for (const gate of [this.long, this.reports]) leaves.push(await gate.enter());
      return await Snapshot.open(this.pool, leave);
    } catch (error) {
      leave();
      throw error;
    }
  }

  counts(): PoolCounts {
    const counts = this.pool.counts();
    const waiting = counts.waiting + this.reports.waitingCount + this.long.waitingCount;
    return { ...counts, waiting };
  }
}
