/** The events behind a sum of a report or a line of a statement. */
import { Injectable } from '@nestjs/common';
import { requireKnown } from '../access/known-entities.js';
import { DAY_MS } from '../domain/buckets.js';
import type { EntityName } from '../domain/ids.js';
import type { Meter } from '../domain/meters.js';
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
  findCountedEvent,
  findCountedEvents,
  findSourcesOf,
  findSpanOf,
  hasCountedEvent,
  type CountedEvent,
  type EventPlace,
} from './counted-events.sql.js';
import type { UsageFilters } from './usage-fields.sql.js';

/** How far before the start of a period its late usage may have occurred, and how far back an id is looked for, if the caller names no start. */
const LATE_MS = 62 * DAY_MS;

/** Of an entity with more sources, an event is found by naming its source. */
const SOURCES_MAX = 10_000;

export type EventSelection = {
  readonly entity: string;
  readonly filters: UsageFilters;
  readonly meters: readonly Meter[];
  readonly without: readonly string[];
  readonly eventId: string | null;
  readonly source: string | null;
  readonly requestId: string | null;
  readonly reservationId: string | null;
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

  /**
   * By when they occurred, behind `after`, which must be among them. Without a range, all that the period charged; without a period as well,
   * what occurred in the current month, or, where a request or reservation is asked for, in the last two; an event
   * that is named by its id is of any month.
   */
  async list(selection: EventSelection): Promise<CountedEvent[]> {
    const { start, end, keptFrom } = rangeOf(selection, this.clock.now());
    requireInOrder({ start, end });
    return this.database.read(async (tx) => {
      await keepMonths(tx);
      await requireKnown(tx, selection.entity);
      if (selection.eventId !== null) return this.named(tx, selection, selection.eventId);
      await requireEvents(tx, { entity: selection.entity, from: keptFrom, to: end, param: 'start_time' });
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

  /** Null where there is none; throws `events_dropped` where its month was dropped. */
  async find({ entity, place }: { entity: EntityName; place: EventPlace }): Promise<CountedEvent | null> {
    const start = place.occurredAt;
    const end = new Date(start.getTime() + 1);
    return this.database.read(async (tx) => {
      await keepMonths(tx);
      await requireKnown(tx, entity);
      const found = await findCountedEvent(tx, { entity, place });
      if (found === null) await requireEvents(tx, { entity, from: start, to: end, param: 'event' });
      return found;
    });
  }
}

/** From `keptFrom` on, no event may have been dropped. */
function rangeOf(of: EventSelection, now: Date): { start: Date; end: Date; keptFrom: Date } {
  const month = of.period ?? periodOf(now);
  const end = of.end ?? periodEnd(month);
  if (of.start !== null) return { start: of.start, end, keptFrom: of.start };
  const begins = periodStart(month).getTime();
  // Late usage of a period may have occurred in a month that was dropped.
  if (of.period !== null) return { start: new Date(begins - LATE_MS), end, keptFrom: new Date(begins) };
  const isNamed = [of.requestId, of.reservationId].some((id) => id !== null);
  const start = isNamed ? new Date(now.getTime() - LATE_MS) : new Date(begins);
  return { start, end, keptFrom: new Date(begins) };
}
