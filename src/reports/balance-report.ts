/** An entity's balance: exact, out of one snapshot of Postgres; only what running requests hold comes from Redis. */
import { Injectable } from '@nestjs/common';
import type { EntityName } from '../domain/ids.js';
import { periodEnd, periodOf, periodStart, yearOf, type Period } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { QuotaService } from '../quota/quota.js';
import { DEFAULT_PLAN } from '../accounts/accounts.sql.js';
import { grantAllowances } from '../credits/allowances.sql.js';
import {
  findBalance,
  findProjectBalances,
  type BalanceRow,
  type ProjectBalanceRow,
} from '../accounts/balances.sql.js';
import { Database } from '../platform/database.js';
import { sumUsage, type UsageRow } from './usage-reports.sql.js';
import type { Forecast } from './forecast.js';
import { findForecast } from './forecasts.js';

export type Balance = BalanceRow & {
  readonly entity: EntityName;
  readonly at: Date;
  readonly period: Period;
  readonly heldPicos: bigint;
  readonly projects: readonly ProjectBalanceRow[];
  /** Null where there is too little to look back on. */
  readonly forecast: Forecast | null;
};

@Injectable()
export class Balances {
  constructor(
    private readonly database: Database,
    private readonly quota: QuotaService,
    private readonly clock: Clock,
  ) {}

  /** A month's allowance that is due is granted first, so that it shows. */
  async balance(entity: EntityName): Promise<Balance> {
    const at = this.clock.now();
    const period = periodOf(at);
    const granted = await grantAllowances(this.database.reader, { entities: [entity], at });
    if (granted.length > 0) await this.quota.publishOrRemember([{ entity, project: null }]);
    const held = await this.quota.held(entity);
    const rows = await this.database.transaction(
      async (tx) => ({
        ...(await findBalance(tx, { entity, period, year: yearOf(period), at, defaultPlan: DEFAULT_PLAN })),
        projects: await findProjectBalances(tx, { entity, period }),
        forecast: await findForecast(tx, { entity, at }),
      }),
      { snapshot: true },
    );
    return { ...rows, entity, at, period, heldPicos: held?.heldPicos ?? 0n };
  }

  /** Usage by project and model in whole hours; without bounds, in the current month. */
  async usage(of: {
    entity: EntityName;
    start: Date | null;
    end: Date | null;
  }): Promise<{ start: Date; end: Date; rows: UsageRow[] }> {
    const period = periodOf(this.clock.now());
    const start = of.start ?? periodStart(period);
    const end = of.end ?? periodEnd(period);
    return { start, end, rows: await sumUsage(this.database.reader, { entity: of.entity, start, end }) };
  }
}
