/** Forgets the identities of events that nobody can send again: their time is refused before their identity is looked for. */
import { Injectable } from '@nestjs/common';
import { Clock } from '../infra/clock.js';
import { bookingTime } from '../store/booking-time.js';
import { Database } from '../store/database.js';
import { pruneIdentities } from '../store/usage-identities.js';
import { BACK_MS_MAX } from './event.js';

/** Between the last moment at which an event is accepted and the first at which its identity is forgotten: for jobs that wait. */
const SLACK_MS = 7 * 24 * 3_600_000;

/** Identities that one statement looks at. */
const PAGE_IDENTITIES = 10_000;

@Injectable()
export class IdentityPruning {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Deletes what was booked before the acceptance window and the slack, and returns how many. Safe twice, late, and at once. */
  async prune(): Promise<number> {
    const now = await bookingTime(this.database.reader, this.clock.databaseNow());
    const bookedBefore = new Date(now.getTime() - BACK_MS_MAX - SLACK_MS);
    let pruned = 0;
    for (let after: string | null = null; ;) {
      const page = await pruneIdentities(this.database.reader, {
        bookedBefore,
        after,
        limit: PAGE_IDENTITIES,
      });
      pruned += page.pruned;
      if (page.last === null) return pruned;
      after = page.last;
    }
  }
}
