/** The events behind a sum of a report or a line of a statement. */
import { Injectable } from '@nestjs/common';
import { requireKnown } from '../access/known-entities.js';
import { DAY_MS } from '../domain/buckets.js';
import { periodEnd, periodOf, periodStart, type Period } from '../domain/period.js';
import { requireInOrder } from '../domain/time-range.js';
import type { Order } from '../http/list-order.js';
import { cursorRow } from '../http/list-page.js';
import { keepMonths, requireEvents } from '../metering/dropped-months.js';
import { Clock } from '../platform/clock.js';
import { LaggingReports } from '../platform/lagging-reports.js';
import {
  findCountedEvents,
  hasCountedEvent,
  type CountedEvent,
  type EventPlace,
} from './counted-events.sql.js';

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
  readonly order: Order;
  readonly after: EventPlace | null;
  readonly limit: number;
};

@Injectable()
export class CountedEvents {
  constructor(
    private readonly database: LaggingReports,
    private readonly clock: Clock,
  ) {}

  /** By when they occurred, behind `after`, which must be among them. Without a range, all that the period charged; without a period as well, what occurred in the current month. */
  async list(selection: EventSelection): Promise<CountedEvent[]> {
    const month = selection.period ?? periodOf(this.clock.now());
    const begins = periodStart(month).getTime() - (selection.period === null ? 0 : LATE_MS);
    const start = selection.start ?? new Date(begins);
    const end = selection.end ?? periodEnd(month);
    requireInOrder({ start, end });
    return this.database.read(async (tx) => {
      await keepMonths(tx);
      await requireKnown(tx, selection.entity);
      // Without a start, all that the period charged: what came late to it may be of a month that was dropped.
      const from = selection.start ?? periodStart(month);
      await requireEvents(tx, { entity: selection.entity, from, to: end, param: 'start_time' });
      await cursorRow(selection.after, async (place) => {
        const isAsked = place.occurredAt >= start && place.occurredAt < end;
        return isAsked && (await hasCountedEvent(tx, { ...selection, place })) ? place : null;
      });
      return findCountedEvents(tx, { ...selection, start, end });
    });
  }
}
