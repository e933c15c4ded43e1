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
import { oneByOne, pagesOf, transactionOfOne } from '../platform/one-by-one.js';
import { findClosedPeriod, isClosed, type ClosedPeriod } from './closed-periods.js';
import { findPeriodsToClose, insertClosedPeriod, type EntityPeriod } from './period-close.sql.js';
import { takeStatementNumber } from './statement-number.sql.js';

const PAGE_PERIODS = 500;

type Round = {
  readonly last: Period;
  closed: number;
  /** Entities whose close failed in this round. */
  readonly open: Set<string>;
};

@Injectable()
export class PeriodClose {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
    private readonly burns: Burns,
  ) {}

  /**
   * Closes every period whose grace is over, the earliest first, each in its own transaction, and returns how many. Throws a RoundError
   * where one failed; the later ones of its entity wait for it. It may run twice, late, and concurrently.
   */
  async closePeriods(signal?: AbortSignal): Promise<number> {
    const last = lastClosable(await this.clock.bookingTime(this.database.reader));
    const round: Round = { last, closed: 0, open: new Set() };
    const close = async (of: EntityPeriod): Promise<number> => {
      round.open.add(of.entity);
      const closed = await transactionOfOne(this.database, (tx) => this.close(tx, of));
      round.open.delete(of.entity);
      round.closed += closed;
      return closed;
    };
    return oneByOne(this.due(round), close, signal);
  }

  /** Passes over what is due until a pass closes nothing: an entity whose period was closed may have its next one due. */
  private async *due(round: Round): AsyncGenerator<EntityPeriod> {
    for (let before = -1; before < round.closed;) {
      before = round.closed;
      const pass = pagesOf<EntityPeriod>((after) =>
        findPeriodsToClose(this.database.reader, { last: round.last, after, limit: PAGE_PERIODS }),
      );
      for await (const of of pass) if (!round.open.has(of.entity)) yield of;
    }
  }

  async find(of: { entity: string; period: Period }): Promise<ClosedPeriod | null> {
    return findClosedPeriod(this.database.reader, of);
  }

  /**
   * Bookings take the entity's lock too, and look for the closed period under it. So a batch that began within the grace is either
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
