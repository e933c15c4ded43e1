/**
 * Rolls days up after they have ended, so that a report of a month or a year reads one row where it would read up to 24. They are a cache:
 * a day that is not rolled up is read from its hours and events.
 */
import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Accounts } from '../accounts/accounts.js';
import { DAY_MS } from '../domain/buckets.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { oneByOne, pagesOf, transactionOfOne } from '../platform/one-by-one.js';
import {
  claimDay,
  clearDay,
  findDaysToRollUp,
  finishDay,
  invalidateDays,
  isClaimed,
  lockDay,
  writeDay,
  type EntityDay,
} from './daily-roll-ups.sql.js';

/** Most late usage arrives within the hour. What arrives later has its day rebuilt. */
const WAIT_MS = 3_600_000;

const PAGE_DAYS = 200;

@Injectable()
export class DailyRollUps {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
  ) {}

  /**
   * Rolls up the days that are due and returns how many it did. It may run twice, late, and concurrently. A day that fails does not stop
   * the others; the RoundError tells.
   */
  async build(signal?: AbortSignal): Promise<number> {
    const now = await this.clock.bookingTime(this.database.reader);
    const last = new Date(now.getTime() - DAY_MS - WAIT_MS);
    const due = pagesOf<EntityDay>((after) =>
      findDaysToRollUp(this.database.reader, { last, after, limit: PAGE_DAYS }),
    );
    return oneByOne(due, (day) => this.rollUp(day), signal);
  }

  /** Has upkeep rebuild every day of the entity. Needs the entity's lock. */
  async invalidate(tx: Tx, entity: string): Promise<void> {
    await invalidateDays(tx, entity);
  }

  private async rollUp(of: EntityDay): Promise<number> {
    const build = randomUUID();
    await transactionOfOne(this.database, async (tx) => {
      await this.accounts.lock(tx, [of.entity]);
      await claimDay(tx, { ...of, build });
    });
    return transactionOfOne(this.database, async (tx) => {
      if (!(await lockDay(tx, of)) || !(await isClaimed(tx, { ...of, build }))) return 0;
      await writeDay(tx, of);
      await this.accounts.lock(tx, [of.entity]);
      if (await finishDay(tx, { ...of, build })) return 1;
      await clearDay(tx, of);
      return 0;
    });
  }
}
