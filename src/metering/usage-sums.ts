/**
 * The sums that are kept of counted usage, where corrections and repairs change them: roll-ups by hour and spend by period. All of it
 * needs the entities' locks and runs in the transaction that corrects the events. A Restart says that a period was closed meanwhile.
 */
import { Injectable } from '@nestjs/common';
import type { Restart, Tx } from '../platform/database.js';
import { negated, type BatchSums, type HourlySum } from './batch-sums.js';
import { addHourlySums, addSpend, dropEmptySums, setHourlySums } from './usage-sums.sql.js';

@Injectable()
export class UsageSums {
  /** Takes events out of the sums as they were, and adds them as they are now. */
  async move(tx: Tx, { from, to }: { from: BatchSums; to: BatchSums }): Promise<Restart | null> {
    const less = negated(from);
    await addHourlySums(tx, less.hourly);
    await addHourlySums(tx, to.hourly);
    await dropEmptySums(tx, from.hourly);
    return (await addSpend(tx, less.spend)) ?? (await addSpend(tx, to.spend));
  }

  /** Replaces roll-ups that are wrong; one that should be empty is removed. */
  async replace(tx: Tx, hourly: readonly HourlySum[]): Promise<void> {
    await setHourlySums(tx, hourly);
    await dropEmptySums(tx, hourly);
  }
}
