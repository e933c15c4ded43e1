/**
 * Reports that may lag behind the last commits: they are read from the hot standby where there is one, and each notes by how much it lagged. Where it
 * is unavailable, or lacks what the primary may have, they are read from the primary.
 */
import { TallyError } from '../domain/errors.js';
import { sqlStateOf } from './postgres-errors.js';
import type { Tx } from './purpose-pool.js';
import { noteLag } from './report-lag.js';
import type { ReportsDatabase } from './reports-database.js';
import type { Snapshot } from './snapshot.sql.js';
import type { Standby } from './standby.js';
import { isUnavailable } from './unavailable.js';

/** A table, a column or a function that a migration has made, and that has not arrived yet. */
const NOT_ARRIVED: ReadonlySet<string | null> = new Set(['42P01', '42703', '42883', '3F000']);

/** It cannot be told how old what it shows is. */
class UnknownLag extends Error {}

export class LaggingReports {
  constructor(
    private readonly primary: ReportsDatabase,
    private readonly standby: Standby | null,
  ) {}

  /** Runs `work` on one snapshot, and again on one of the primary's where it has to. Throws Unavailable where too many reports wait already. */
  read<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.from(
      (standby) =>
        standby.reports.read(async (tx) => {
          const seconds = await standby.lagIn(tx);
          if (seconds === null) throw new UnknownLag();
          return { seconds, result: await work(tx) };
        }),
      () => this.primary.read(work),
    );
  }

  /** For reading more rows than memory holds. The caller closes it. */
  snapshot(): Promise<Snapshot> {
    return this.from(
      async ({ reports, state }) => {
        if (state.lagSeconds === null) throw new UnknownLag();
        return { seconds: state.lagSeconds, result: await reports.snapshot() };
      },
      () => this.primary.snapshot(),
    );
  }

  private async from<T>(
    ofStandby: (standby: Standby) => Promise<{ seconds: number; result: T }>,
    ofPrimary: () => Promise<T>,
  ): Promise<T> {
    const { standby } = this;
    if (standby === null) return ofPrimary();
    if (standby.state.isUp) {
      try {
        const { seconds, result } = await ofStandby(standby);
        noteLag(seconds);
        return result;
      } catch (error) {
        if (!(await isOfStandby(error, standby))) throw error;
      }
    }
    noteLag(0);
    return ofPrimary();
  }
}

/** Whether the primary may do better. What a standby that answers was too busy for, or canceled too often, would only burden the primary. */
async function isOfStandby(error: unknown, standby: Standby): Promise<boolean> {
  if (error instanceof UnknownLag) return true;
  if (error instanceof TallyError) return error.code === 'not_found';
  if (isUnavailable(error, 'postgres')) return !(await standby.answers());
  return NOT_ARRIVED.has(sqlStateOf(error));
}
