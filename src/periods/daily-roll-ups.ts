/** Rolls days up once they are over: reports of months and years then read a row where they would read thirty. */
import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DAY_MS } from '../domain/buckets.js';
import { Clock } from '../platform/clock.js';
import { Accounts } from '../accounts/accounts.js';
import {
  claimDay,
  clearDay,
  findDaysToRollUp,
  finishDay,
  isClaimed,
  lockDay,
  writeDay,
  type EntityDay,
} from './daily-roll-ups.sql.js';
import { Database } from '../platform/database.js';

/** Most of what comes late comes within the hour; what comes later has its day built again. */
const WAIT_MS = 3_600_000;

const PAGE_DAYS = 200;
/** Upkeep runs one job at a time: what is left is built in the next turn. */
const DAYS_MAX = 1_000;

@Injectable()
export class DailyRollUps {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
  ) {}

  /** Returns how many days were rolled up, at most `daysMax`. Safe twice, late, and at once. A day that fails does not hold up the others. */
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
