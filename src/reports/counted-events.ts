/** The events behind a sum of a report or a line of a statement. */
import { Injectable } from '@nestjs/common';
import { requireKnown } from '../accounts/accounts.js';
import { DAY_MS } from '../domain/buckets.js';
import { TallyError } from '../domain/errors.js';
import { periodEnd, periodOf, periodStart, type Period } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { ReportsDatabase } from '../platform/reports-database.js';
import { findCountedEvents, type CountedEvent, type EventPlace } from './counted-events.sql.js';

/** How far before the start of a period its late usage may have occurred, if the caller names no start. */
const LATE_MS = 62 * DAY_MS;

export type EventSelection = {
  readonly entity: string;
  readonly project: string | null;
  readonly model: string | null;
  readonly period: Period | null;
  readonly priceId: bigint | null;
  readonly rateId: bigint | null;
  readonly start: Date | null;
  readonly end: Date | null;
  readonly after: EventPlace | null;
  readonly limit: number;
};

@Injectable()
export class CountedEvents {
  constructor(
    private readonly database: ReportsDatabase,
    private readonly clock: Clock,
  ) {}

  /** Newest first. Without a range, all that the period charged; without a period as well, what occurred in the current month. */
  async list(selection: EventSelection): Promise<CountedEvent[]> {
    const month = selection.period ?? periodOf(this.clock.now());
    const begins = periodStart(month).getTime() - (selection.period === null ? 0 : LATE_MS);
    const start = selection.start ?? new Date(begins);
    const end = selection.end ?? periodEnd(month);
    if (end <= start) {
      throw new TallyError('invalid_request', 'end_time: must lie after start_time', { param: 'end_time' });
    }
    return this.database.read(async (tx) => {
      await requireKnown(tx, selection.entity);
      return findCountedEvents(tx, { ...selection, start, end });
    });
  }
}
