/** Deletes the identities of events that nobody can send again. May run late, twice, and on two workers at once. */
import { Injectable } from '@nestjs/common';
import { USAGE_EVENT_BACK_MS_MAX } from '@tally/client/protocol';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { pruneIdentities } from './dedupe.sql.js';

/** How much longer an identity is kept than its event is accepted: for jobs that wait in the queue. */
const SLACK_MS = 7 * 24 * 3_600_000;

/** Rows that one statement looks at. */
const PAGE_ROWS = 10_000;

@Injectable()
export class IdentityPruning {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Returns how many it deleted. An event as old as these is refused for its time before its identity is looked up. */
  async prune(): Promise<number> {
    const now = await this.clock.bookingTime(this.database.reader);
    const bookedBefore = new Date(now.getTime() - USAGE_EVENT_BACK_MS_MAX - SLACK_MS);
    let pruned = 0;
    for (let after: string | null = null; ;) {
      const page = await pruneIdentities(this.database.reader, { bookedBefore, after, limit: PAGE_ROWS });
      pruned += page.pruned;
      if (page.last === null) return pruned;
      after = page.last;
    }
  }
}
