/** Finance: a month as a document. */
import { Controller, Headers, Param, Res } from '@nestjs/common';
import { ApiProduces } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { requireKnown } from '../access/known-entities.js';
import { LaggingReports } from '../platform/lagging-reports.js';
import type { EntityName } from '../domain/ids.js';
import type { Period } from '../domain/period.js';
import { Statements } from './statements.js';
import { preferredOf } from '../http/accept-header.js';
import { contentsOf } from './statement-contents.js';
import { STATEMENT_HTML_HEADERS, statementHtml } from './statement-html.js';
import { STATEMENT_PDF_HEADERS, StatementPdf } from './statement-pdf.js';
import { presentStatement } from './statements.presenter.js';
import { Route } from '../http/route.js';
import * as schemas from './statements.schema.js';

const TYPES = ['application/json', 'text/html', 'application/pdf'] as const;

@Controller()
export class StatementsController {
  constructor(
    private readonly statements: Statements,
    private readonly database: LaggingReports,
    private readonly pdf: StatementPdf,
  ) {}

  @ApiProduces(...TYPES)
  @Route('GET /v1/entities/:entity/statements/:period', {
    scope: 'entity',
    role: 'finance',
    lags: true,
    summary:
      'The statement of a month, as JSON, as a PDF, or as an HTML page to print; a draft until the month is closed',
    answers: schemas.Statement,
    alsoProduces: TYPES.slice(1),
  })
  async read(
    @Param({ schema: schemas.StatementPath }) scope: { entity: EntityName; period: Period },
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await this.database.read((tx) => requireKnown(tx, scope.entity));
    const statement = presentStatement(await this.statements.read(scope));
    void reply.headers({ vary: 'accept', 'cache-control': 'private, no-store' });
    const type = preferredOf(accept, TYPES);
    if (type === 'application/json') return statement;
    const contents = contentsOf(statement);
    if (type === 'text/html') {
      void reply.headers(STATEMENT_HTML_HEADERS);
      return statementHtml(contents);
    }
    const file = `statement-${scope.entity}-${scope.period}.pdf`;
    void reply.headers({ ...STATEMENT_PDF_HEADERS, 'content-disposition': `inline; filename="${file}"` });
    return this.pdf.make(contents, new Date((statement.closed_at ?? statement.as_of) * 1_000));
  }
}
