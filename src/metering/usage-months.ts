/** Makes the months of usage_events before there is usage of them. May run late, twice, and on two workers at once. */
import { Injectable } from '@nestjs/common';
import { USAGE_EVENT_BACK_MS_MAX } from '@tally/client/protocol';
import { DAY_MS } from '../domain/buckets.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { Logger } from '../platform/logger.js';
import { ensureUsageMonths } from './usage-months.sql.js';

/** How much older than accepted an event may be when it is counted: its job waited in the queue. */
const SLACK_MS = 7 * DAY_MS;

/** Long enough that a new month never comes before an operator has seen that making months fails. */
const MONTHS_AHEAD = 2;

@Injectable()
export class UsageMonths {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    // A database that was restored from a backup may lack them.
    database.onReturn(() => {
      void this.ensure().catch((error: unknown) =>
        this.logger.warn('months not made', { error: String(error) }),
      );
    });
  }

  /** Makes what is missing of the months in which an event may have occurred, and of the next ones. Returns how many. */
  async ensure(): Promise<number> {
    const now = await this.clock.bookingTime(this.database.reader);
    const first = new Date(now.getTime() - USAGE_EVENT_BACK_MS_MAX - SLACK_MS);
    const last = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + MONTHS_AHEAD));
    return ensureUsageMonths(this.database.reader, { first, last });
  }
}
