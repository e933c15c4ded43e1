/** An entity's balance: exact, out of one snapshot of Postgres; only what running requests hold comes from Redis. */
import { Injectable } from '@nestjs/common';
import type { EntityName } from '../domain/ids.js';
import { periodEnd, periodOf, periodStart, type Period } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { Quota } from '../quota/quota.js';
import { Balances, type BalanceRow, type ProjectBalanceRow } from '../accounts/balances.js';
import { Allowances } from '../credits/allowances.js';
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
export class BalanceReports {
  constructor(
    private readonly database: Database,
    private readonly quota: Quota,
    private readonly clock: Clock,
    private readonly balances: Balances,
    private readonly allowances: Allowances,
  ) {}

  /** A month's allowance that is due is granted first, so that it shows. */
  async balance(entity: EntityName): Promise<Balance> {
    const at = this.clock.now();
    const period = periodOf(at);
    const granted = await this.allowances.grantDue(this.database.reader, { entities: [entity], at });
    if (granted.length > 0) await this.quota.publishNowOrLater([{ entity, project: null }]);
    const held = await this.quota.held(entity);
    const rows = await this.database.transaction(
      async (tx) => {
        const balance = await this.balances.find(tx, { entity, at });
        const projects = await this.balances.ofProjects(tx, { entity, at });
        return { ...balance, projects, forecast: await findForecast(tx, { entity, at, projects }) };
      },
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
