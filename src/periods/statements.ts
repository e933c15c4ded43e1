/** Reads statements: a month's usage and credits, from one snapshot. A statement is a draft until its period is closed. */
import { Inject, Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import type { EntityName } from '../domain/ids.js';
import { periodStart, type Period } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { findClosedPeriod } from './closed-periods.js';
import type { Tx } from '../platform/database.js';
import { bigintOf } from '../platform/decimal-column.js';
import { LaggingReports } from '../platform/lagging-reports.js';
import { SELLER, type Seller } from './seller.js';
import {
  findOpeningBalance,
  sumDebtAndPurchases,
  sumGrantMovements,
  sumStatementUsage,
} from './statements.sql.js';
import { buildStatement, type Statement } from './statement-lines.js';

/** What a person can read and a process can hold. For more there is the FOCUS export. */
const USAGE_ROWS_MAX = 20_000;

@Injectable()
export class Statements {
  constructor(
    private readonly database: LaggingReports,
    private readonly clock: Clock,
    @Inject(SELLER) private readonly seller: Seller,
  ) {}

  async read(scope: { entity: EntityName; period: Period }): Promise<Statement> {
    const asOf = this.clock.now();
    if (periodStart(scope.period) > asOf) {
      throw new TallyError('not_found', `the period ${scope.period} has not begun`, { param: 'period' });
    }
    const facts = await this.database.read(async (tx) => ({
      closed: await findClosedPeriod(tx, scope),
      openingPicos: await findOpeningBalance(tx, scope),
      overageDuePicos: await findOverage(tx, scope),
      usage: await sumStatementUsage(tx, { ...scope, rowsMax: USAGE_ROWS_MAX + 1 }),
      movements: await sumGrantMovements(tx, scope),
      ...(await sumDebtAndPurchases(tx, scope)),
    }));
    if (facts.usage.length > USAGE_ROWS_MAX) {
      throw new TallyError(
        'invalid_request',
        `the statement has more than ${USAGE_ROWS_MAX} lines of usage; take /v1/exports/focus.csv`,
        { param: 'period' },
      );
    }
    return buildStatement({ ...scope, asOf, seller: this.seller, ...facts });
  }
}

/** What no credits paid of the period, as the balance has it. */
async function findOverage(
  tx: Tx,
  { entity, period }: { entity: EntityName; period: Period },
): Promise<bigint> {
  const row = await tx.entitySpend.findUnique({
    where: { entity_period: { entity, period } },
    select: { overagePicos: true },
  });
  return row === null ? 0n : bigintOf(row.overagePicos);
}
