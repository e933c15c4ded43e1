/**
 * Closes billing periods: posts what is left of them, freezes their totals and gives them a number. From then on what
 * would change them is booked in the open period.
 */
import { Injectable } from '@nestjs/common';
import { Burns } from '../credits/burns.js';
import { closesAt, hourOf, lastClosable, type Period } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { Accounts } from '../accounts/accounts.js';
import {
  findClosedPeriod,
  findPeriodsToClose,
  insertClosedPeriod,
  isClosed,
  takeStatementNumber,
  type ClosedPeriodRow,
} from './closed-periods.sql.js';
import { Database, type Tx } from '../platform/database.js';

/** Periods that are looked up at once; each is closed in its own transaction. */
const PAGE_PERIODS = 500;

@Injectable()
export class PeriodClose {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
    private readonly burns: Burns,
  ) {}

  /** Closes every period whose grace is over, the earliest first, and returns how many. Safe twice, late, and at once. */
  async closePeriods(): Promise<number> {
    const last = lastClosable(await this.clock.bookingTime(this.database.reader));
    for (let closed = 0; ;) {
      const due = await findPeriodsToClose(this.database.reader, { last, limit: PAGE_PERIODS });
      const before = closed;
      for (const of of due) closed += await this.database.transaction((tx) => this.close(tx, of));
      // Nothing left, or all of it was closed by somebody else meanwhile: who closes the rest then.
      if (closed === before) return closed;
    }
  }

  async find(of: { entity: string; period: Period }): Promise<ClosedPeriodRow | null> {
    return findClosedPeriod(this.database.reader, of);
  }

  /**
   * Whoever books holds the account's lock and looks for this row under it: a batch that began inside the grace is either
   * booked before, and in these totals, or finds the row and begins again.
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
