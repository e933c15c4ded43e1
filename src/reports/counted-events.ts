/** The events behind a sum of a report or a line of a statement. */
import { Injectable } from '@nestjs/common';
import { requireKnown } from '../access/known-entities.js';
import { DAY_MS } from '../domain/buckets.js';
import { periodEnd, periodOf, periodStart, type Period } from '../domain/period.js';
import { requireInOrder } from '../domain/time-range.js';
import { identityOf } from '../domain/usage.js';
import type { Order } from '../http/list-order.js';
import { cursorRow } from '../http/list-page.js';
import { keepMonths, requireEvents } from '../metering/dropped-months.js';
import { Clock } from '../platform/clock.js';
import type { Tx } from '../platform/database.js';
import { LaggingReports } from '../platform/lagging-reports.js';
import {
  findCountedEvents,
  findSourcesOf,
  findSpanOf,
  hasCountedEvent,
  type CountedEvent,
  type EventPlace,
} from './counted-events.sql.js';

/** How far before the start of a period its late usage may have occurred, if the caller names no start. */
const LATE_MS = 62 * DAY_MS;

/** Of an entity with more sources, an event is found by naming its source. */
const SOURCES_MAX = 10_000;

export type EventSelection = {
  readonly entity: string;
  readonly project: string | null;
  readonly model: string | null;
  readonly period: Period | null;
  readonly priceId: bigint | null;
  readonly rateId: bigint | null;
  readonly eventId: string | null;
  readonly source: string | null;
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

  /**
   * By when they occurred, behind `after`, which must be among them. Without a range, all that the period charged; without a period as well, what
   * occurred in the current month, or an event that is named by its id.
   */
  async list(selection: EventSelection): Promise<CountedEvent[]> {
    const month = selection.period ?? periodOf(this.clock.now());
    const begins = periodStart(month).getTime() - (selection.period === null ? 0 : LATE_MS);
    const start = selection.start ?? new Date(begins);
    const end = selection.end ?? periodEnd(month);
    requireInOrder({ start, end });
    return this.database.read(async (tx) => {
      await keepMonths(tx);
      await requireKnown(tx, selection.entity);
      if (selection.eventId !== null) return this.named(tx, selection, selection.eventId);
      // Without a start, all that the period charged: what came late to it may be of a month that was dropped.
      const from = selection.start ?? periodStart(month);
      await requireEvents(tx, { entity: selection.entity, from, to: end, param: 'start_time' });
      await cursorRow(selection.after, async (place) => {
        const isAsked = place.occurredAt >= start && place.occurredAt < end;
        return isAsked && (await hasCountedEvent(tx, { ...selection, place })) ? place : null;
      });
      return findCountedEvents(tx, { ...selection, identities: null, start, end });
    });
  }

  /** The events of an id. Each source may have one; the identities know when each occurred, so no range is needed while they are kept. */
  private async named(tx: Tx, selection: EventSelection, id: string): Promise<CountedEvent[]> {
    const { entity, source } = selection;
    const sources = source === null ? await findSourcesOf(tx, entity, SOURCES_MAX) : [source];
    const identities = sources.map((each) => identityOf({ entity, source: each, id }));
    const span = selection.start === null ? await findSpanOf(tx, identities) : null;
    const start = selection.start ?? span?.first;
    if (start === undefined) return [];
    const last = span === null ? this.clock.now() : span.last;
    const end = selection.end ?? new Date(last.getTime() + DAY_MS);
    return start < end ? findCountedEvents(tx, { ...selection, identities, start, end }) : [];
  }
}
