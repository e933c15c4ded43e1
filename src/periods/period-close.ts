/**
 * Closes billing periods: posts their last burns, freezes their totals and numbers their statements. What would change a closed period
 * is booked in the open one.
 */
import { Injectable } from '@nestjs/common';
import { Accounts } from '../accounts/accounts.js';
import { Burns } from '../credits/burns.js';
import { closesAt, hourOf, lastClosable, type Period } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { findClosedPeriod, isClosed, type ClosedPeriod } from './closed-periods.js';
import { findPeriodsToClose, insertClosedPeriod } from './period-close.sql.js';
import { takeStatementNumber } from './statement-number.sql.js';

/** Periods that are looked up at once; each is closed in a transaction of its own. */
const PAGE_PERIODS = 500;

@Injectable()
export class PeriodClose {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
    private readonly burns: Burns,
  ) {}

  /** Closes every period whose grace is over, the earliest first, and returns how many. It may run twice, late, and concurrently. */
  async closePeriods(): Promise<number> {
    const last = lastClosable(await this.clock.bookingTime(this.database.reader));
    for (let closed = 0; ;) {
      const due = await findPeriodsToClose(this.database.reader, { last, limit: PAGE_PERIODS });
      const before = closed;
      for (const of of due) closed += await this.database.transaction((tx) => this.close(tx, of));
      // Nothing is left, or another process closed all of it meanwhile and goes on with the rest.
      if (closed === before) return closed;
    }
  }

  async find(of: { entity: string; period: Period }): Promise<ClosedPeriod | null> {
    return findClosedPeriod(this.database.reader, of);
  }

  /**
   * Bookings take the account's lock too, and look for the closed period under it. So a batch that began within the grace is either
   * booked before the close, and counted in these totals, or finds the period closed and restarts.
   */
  private async close(tx: Tx, of: { entity: string; period: Period }): Promise<number> {
    const closedAt = await this.clock.bookingTime(tx);
    await this.accounts.lock(tx, [of.entity]);
    if (closedAt < closesAt(of.period) || (await isClosed(tx, of))) return 0;
    await this.burns.post(tx, { entity: of.entity, openHour: hourOf(closedAt), bookedAt: closedAt });
    const number = await takeStatementNumber(tx);
    await insertClosedPeriod(tx, { ...of, number, closedAt });
    return 1;
  }
}
