/** Finance: the month as a document, and the events behind its lines. */
import { Controller, Headers, Param, Query, Res } from '@nestjs/common';
import { ApiProduces } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { EntityName } from '../domain/ids.js';
import type { Period } from '../domain/period.js';
import { EventPages } from '../reports/event-pages.js';
import { Statements } from './statements.js';
import { prefersHtml } from './accept.js';
import { presentPage } from '../http/list-page.js';
import { STATEMENT_PAGE_HEADERS, statementPage } from './statement-page.js';
import { placeOf, presentEvent, presentStatement } from './statements.presenter.js';
import { Route } from '../http/route.js';
import { EntityPath } from '../accounts/entities.schema.js';
import * as schemas from './statements.schema.js';

@Controller()
export class StatementsController {
  constructor(
    private readonly statements: Statements,
    private readonly events: EventPages,
  ) {}

  @ApiProduces('application/json', 'text/html')
  @Route('GET /v1/entities/:entity/statements/:period', {
    role: 'finance',
    summary: 'The statement of a month, as JSON or as a page to print; a draft until the month is closed',
    answers: schemas.Statement,
  })
  async read(
    @Param({ schema: schemas.StatementPath }) scope: { entity: EntityName; period: Period },
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const statement = presentStatement(await this.statements.read(scope));
    void reply.headers({ vary: 'accept', 'cache-control': 'private, no-store' });
    if (!prefersHtml(accept)) return statement;
    void reply.headers(STATEMENT_PAGE_HEADERS);
    return statementPage(statement);
  }

  @Route('GET /v1/entities/:entity/events', {
    role: 'finance',
    summary: 'Counted events, newest first; by default those of the current month',
    answers: schemas.CountedEventList,
  })
  async list(
    @Param({ schema: EntityPath }) { entity }: { entity: EntityName },
    @Query({ schema: schemas.EventsQuery }) query: schemas.EventsQuery,
  ) {
    const { limit } = query;
    const rows = await this.events.list({
      entity,
      project: query.project ?? null,
      model: query.model ?? null,
      period: query.period ?? null,
      priceId: query.price ?? null,
      start: query.start_time ?? null,
      end: query.end_time ?? null,
      after: query.after ?? null,
      limit: limit + 1,
    });
    return presentPage(rows, { limit, idOf: placeOf, present: presentEvent });
  }
}
