/** Finance: a month as a document. */
import { Controller, Headers, Param, Res } from '@nestjs/common';
import { ApiProduces } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { requireKnown } from '../access/known-entities.js';
import { LaggingReports } from '../platform/lagging-reports.js';
import type { EntityName } from '../domain/ids.js';
import type { Period } from '../domain/period.js';
import { Statements } from './statements.js';
import { prefersHtml } from '../http/accept-header.js';
import { STATEMENT_HTML_HEADERS, statementHtml } from './statement-html.js';
import { presentStatement } from './statements.presenter.js';
import { Route } from '../http/route.js';
import * as schemas from './statements.schema.js';

@Controller()
export class StatementsController {
  constructor(
    private readonly statements: Statements,
    private readonly database: LaggingReports,
  ) {}

  @ApiProduces('application/json', 'text/html')
  @Route('GET /v1/entities/:entity/statements/:period', {
    scope: 'entity',
    role: 'finance',
    lags: true,
    summary:
      'The statement of a month, as JSON or as an HTML page to print; a draft until the month is closed',
    answers: schemas.Statement,
    alsoProduces: ['text/html'],
  })
  async read(
    @Param({ schema: schemas.StatementPath }) scope: { entity: EntityName; period: Period },
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await this.database.read((tx) => requireKnown(tx, scope.entity));
    const statement = presentStatement(await this.statements.read(scope));
    void reply.headers({ vary: 'accept', 'cache-control': 'private, no-store' });
    if (!prefersHtml(accept)) return statement;
    void reply.headers(STATEMENT_HTML_HEADERS);
    return statementHtml(statement);
  }
}
