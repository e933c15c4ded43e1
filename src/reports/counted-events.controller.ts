/** Finance: the events behind a sum of a report or a line of a statement. */
import { Controller, Param, Query } from '@nestjs/common';
import { EntityPath } from '../accounts/entities.schema.js';
import type { EntityName } from '../domain/ids.js';
import { presentPage } from '../http/list-page.js';
import { Route } from '../http/route.js';
import { CountedEvents } from './counted-events.js';
import { placeOf, presentEvent } from './counted-events.presenter.js';
import * as schemas from './counted-events.schema.js';

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
      project: query.project ?? null,
      model: query.model ?? null,
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
}
