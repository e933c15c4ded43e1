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
/** Upkeep runs one job at a time: the days that are left wait for its next turn. */
const DAYS_MAX = 1_000;

@Injectable()
export class DailyRollUps {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
  ) {}

  /**
   * Rolls up at most `daysMax` days and returns how many it did. It may run twice, late, and concurrently. A day that fails does not stop
   * the others.
   */
  async build(daysMax = DAYS_MAX): Promise<number> {
    const now = await this.clock.bookingTime(this.database.reader);
    const last = new Date(now.getTime() - DAY_MS - WAIT_MS);
    let [built, tried, failure] = [0, 0, null as unknown];
    for (let after: EntityDay | null = null; tried < daysMax;) {
      const limit = Math.min(PAGE_DAYS, daysMax - tried);
      const due: EntityDay[] = await findDaysToRollUp(this.database.reader, { last, after, limit });
      for (const day of due) {
        built += await this.rollUp(day).catch((error: unknown) => ((failure ??= error), 0));
      }
      tried += due.length;
      after = due.at(-1) ?? null;
      if (due.length < limit) break;
    }
    if (failure !== null) throw failure;
    return built;
  }

  /** Has upkeep rebuild every day of the entity. Needs the account's lock. */
  async invalidate(tx: Tx, entity: string): Promise<void> {
    await invalidateDays(tx, entity);
  }

  private async rollUp(of: EntityDay): Promise<number> {
    const build = randomUUID();
    await this.database.transaction(async (tx) => {
      await this.accounts.lock(tx, [of.entity]);
      await claimDay(tx, { ...of, build });
    });
    return this.database.transaction(async (tx) => {
      if (!(await lockDay(tx, of)) || !(await isClaimed(tx, { ...of, build }))) return 0;
      await writeDay(tx, of);
      await this.accounts.lock(tx, [of.entity]);
      if (await finishDay(tx, { ...of, build })) return 1;
      await clearDay(tx, of);
      return 0;
    });
  }
}
