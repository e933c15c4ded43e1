/** Checks whether every number in the books is what the events say. */
import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { ReportsDatabase } from '../platform/reports-database.js';
import { checkInvariants } from './invariants.sql.js';

/** Ten million events took 8 minutes on a busy machine. */
const TIMEOUT_MS = 1_800_000;

export type ReconciliationReport = {
  readonly ok: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly left: string;
    readonly right: string;
    readonly differences: readonly Record<string, unknown>[];
  }[];
};

@Injectable()
export class Reconciliation {
  constructor(
    private readonly database: ReportsDatabase,
    private readonly clock: Clock,
  ) {}

  /** All checks read one snapshot. Amounts are counts, tokens or picodollars, as the name of each check says. */
  async run(): Promise<ReconciliationReport> {
    const results = await this.database.readLong(
      async (tx) => checkInvariants(tx, await this.clock.bookingTime(tx)),
      { timeoutMs: TIMEOUT_MS },
    );
    const checks = results.map(({ name, left, right, differences }) => ({
      name,
      ok: differences.length === 0,
      left,
      right,
      differences,
    }));
    return { ok: checks.every((check) => check.ok), checks };
  }
}
