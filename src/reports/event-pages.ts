/** The events behind a sum of a report or a line of a statement. */
import { Injectable } from '@nestjs/common';
import { periodEnd, periodOf, periodStart, type Period } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { findCountedEvents, type CountedEvent, type EventPlace } from './usage-event-pages.sql.js';

/** How far before its start a period looks for what it charged late, unless a start is named. */
const LATE_MS = 62 * 86_400_000;

export type EventsOrder = {
  readonly entity: string;
  readonly project: string | null;
  readonly model: string | null;
  readonly period: Period | null;
  readonly priceId: bigint | null;
  readonly start: Date | null;
  readonly end: Date | null;
  readonly after: EventPlace | null;
  readonly limit: number;
};

@Injectable()
export class EventPages {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Newest first. Without a range: all that the period charged; without a period, what the current month saw. */
  async list(order: EventsOrder): Promise<CountedEvent[]> {
    const month = order.period ?? periodOf(this.clock.now());
    const begins = periodStart(month).getTime() - (order.period === null ? 0 : LATE_MS);
    const start = order.start ?? new Date(begins);
    const end = order.end ?? periodEnd(month);
    return findCountedEvents(this.database.reader, { ...order, start, end });
  }
}
