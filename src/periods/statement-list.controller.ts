/** Finance: which months have a statement, and what each comes to. */
import { Controller, Param } from '@nestjs/common';
import { formatUsd } from '@tally/client/protocol';
import { requireKnown } from '../access/known-entities.js';
import { EntityPath } from '../accounts/entities.schema.js';
import type { EntityName } from '../domain/ids.js';
import { periodOf } from '../domain/period.js';
import { unixSecondsOrNull } from '../domain/unix-time.js';
import { Route } from '../http/route.js';
import { Clock } from '../platform/clock.js';
import { LaggingReports } from '../platform/lagging-reports.js';
import * as schemas from './statement-list.schema.js';
import { findStatementMonths, type StatementMonth } from './statement-list.sql.js';

@Controller()
export class StatementListController {
  constructor(
    private readonly database: LaggingReports,
    private readonly clock: Clock,
  ) {}

  @Route('GET /v1/entities/:entity/statements', {
    scope: 'entity',
    role: 'finance',
    lags: true,
    summary: 'The months that have a statement, newest first: those that were charged, and the current one',
    answers: schemas.StatementMonths,
  })
  async list(@Param({ schema: EntityPath }) { entity }: { entity: EntityName }) {
    const current = periodOf(this.clock.now());
    const months = await this.database.read(async (tx) => {
      await requireKnown(tx, entity);
      return findStatementMonths(tx, { entity, current });
    });
    return { object: 'statement_months' as const, entity, months: months.map(presentMonth) };
  }
}

function presentMonth(month: StatementMonth) {
  return {
    period: month.period,
    status: month.number === null ? ('draft' as const) : ('final' as const),
    number: month.number,
    closed_at: unixSecondsOrNull(month.closedAt),
    charged_usd: formatUsd(month.costPicos),
    credits_usd: formatUsd(month.burntPicos),
    overage_usd: formatUsd(month.overagePicos),
  };
}
