/** Finance: the events behind a sum of a report or a line of a statement. */
import { Controller, Param, Query } from '@nestjs/common';
import { EntityPath } from '../accounts/entities.schema.js';
import type { EntityName } from '../domain/ids.js';
import { missing } from '../access/principal.js';
import { presentPage } from '../http/list-page.js';
import { Route } from '../http/route.js';
import { CountedEvents } from './counted-events.js';
import { placeOf, presentEvent } from './counted-events.presenter.js';
import type { EventPlace } from './counted-events.sql.js';
import * as schemas from './counted-events.schema.js';
import { filtersOf } from './usage-filters.schema.js';

@Controller()
export class CountedEventsController {
  constructor(private readonly events: CountedEvents) {}

  @Route('GET /v1/entities/:entity/events', {
    scope: 'entity',
    role: 'finance',
    lags: true,
    summary: 'Counted events, newest first; by default those of the current month',
    answers: schemas.CountedEventList,
  })
  async list(
    @Param({ schema: EntityPath }) { entity }: { entity: EntityName },
    @Query({ schema: schemas.EventsQuery }) query: schemas.EventsQuery,
  ) {
    const { order, limit } = query;
    const rows = await this.events.list({
      entity,
      filters: filtersOf(query),
      meters: query.meter ?? [],
      without: query.without ?? [],
      requestId: query.request_id ?? null,
      reservationId: query.reservation_id ?? null,
      period: query.period ?? null,
      priceId: query.price ?? null,
      rateId: query.rate ?? null,
      eventId: query.event_id ?? null,
      source: query.source ?? null,
      start: query.start_time ?? null,
      end: query.end_time ?? null,
      order,
      after: query.after ?? null,
      limit: limit + 1,
    });
    return presentPage(rows, { limit, idOf: placeOf, present: presentEvent });
  }

  @Route('GET /v1/entities/:entity/events/:event', {
    scope: 'entity',
    role: 'finance',
    lags: true,
    summary: 'One counted event',
    answers: schemas.CountedEvent,
  })
  async get(
    @Param({ schema: schemas.EventPath }) { entity, event }: { entity: EntityName; event: EventPlace },
  ) {
    const row = await this.events.find({ entity, place: event });
    if (row === null) throw missing('such event');
    return presentEvent(row);
  }
}
