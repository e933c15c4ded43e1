/** Checks whether every number in the books is what the events say. */
import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import type { Tx } from '../platform/database.js';
import { ReportsDatabase } from '../platform/reports-database.js';
import { readEntityRanges } from '../accounts/entity-ranges.js';
import { keepMonths } from '../metering/dropped-months.js';
import { checkInvariants, checkMonth, type NamedComparison } from './invariants.sql.js';
import { DIFFERENCES_MAX } from './roll-up-invariants.sql.js';

/** Of one range. Ten million events took 8 minutes on a busy machine. */
const TIMEOUT_MS = 1_800_000;
const ENTITIES_MAX = 1_000;

export type ReconciliationReport = {
  readonly ok: boolean;
  readonly checks: readonly (NamedComparison & { readonly ok: boolean })[];
};

@Injectable()
export class Reconciliation {
  constructor(
    private readonly database: ReportsDatabase,
    private readonly clock: Clock,
  ) {}

  /**
   * A range of entities at a time, each read from one snapshot. Amounts are counts, tokens or picodollars, as the name of each check says.
   * `onProgress` hears the share of the ranges that are done.
   */
  async run({
    entitiesMax = ENTITIES_MAX,
    onProgress = () => undefined,
  }: { entitiesMax?: number; onProgress?: (done: number) => void } = {}): Promise<ReconciliationReport> {
    const ranges = await this.database.read((tx) => readEntityRanges(tx, { entitiesMax }));
    let sums: NamedComparison[] = [];
    for (const [index, range] of ranges.entries()) {
      const found = await this.database.readLong(
        async (tx) => {
          await keepMonths(tx);
          return checkInvariants(tx, { range, at: await this.clock.bookingTime(tx) });
        },
        { timeoutMs: TIMEOUT_MS },
      );
      sums = index === 0 ? found : sums.map((sum, place) => together(sum, found[place]!));
      onProgress((index + 1) / ranges.length);
    }
    const checks = sums.map((sum) => ({ ...sum, ok: sum.differences.length === 0 }));
    return { ok: checks.every((check) => check.ok), checks };
  }
}

/** The names of the checks that find differences in one month, over all entities. Reads that month's events only. */
export async function findDifferencesOfMonth(tx: Tx, month: { from: Date; to: Date }): Promise<string[]> {
  const checks = await checkMonth(tx, month);
  return checks.filter(({ differences }) => differences.length > 0).map(({ name }) => name);
}

/** What two ranges show of one check. */
function together(one: NamedComparison, other: NamedComparison): NamedComparison {
  return {
    name: one.name,
    left: String(BigInt(one.left) + BigInt(other.left)),
    right: String(BigInt(one.right) + BigInt(other.right)),
    differences: [...one.differences, ...other.differences].slice(0, DIFFERENCES_MAX),
  };
}
