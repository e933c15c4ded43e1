/** Forgets what nobody can ask for any more. Each method returns how many rows it deleted, and is safe twice, late, and at once. */
import { Injectable } from '@nestjs/common';
import { USAGE_EVENT_BACK_MS_MAX } from '@tally/client/protocol';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { pruneIdentities } from './dedupe.sql.js';

const DAY_MS = 24 * 3_600_000;

/** Between the last moment at which an event is accepted and the first at which its identity is forgotten: for jobs that wait. */
const SLACK_MS = 7 * DAY_MS;

/** Rows that one statement looks at. */
const PAGE_ROWS = 10_000;

@Injectable()
export class IdentityPruning {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Identities of events that nobody can send again: their time is refused before their identity is looked for. */
  async identities(): Promise<number> {
    const bookedBefore = await this.ago(USAGE_EVENT_BACK_MS_MAX + SLACK_MS);
    let pruned = 0;
    for (let after: string | null = null; ;) {
      const page = await pruneIdentities(this.database.reader, { bookedBefore, after, limit: PAGE_ROWS });
      pruned += page.pruned;
      if (page.last === null) return pruned;
      after = page.last;
    }
  }

  private async ago(ms: number): Promise<Date> {
    const now = await this.clock.bookingTime(this.database.reader);
    return new Date(now.getTime() - ms);
  }
}
