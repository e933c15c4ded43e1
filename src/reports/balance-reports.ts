/** An entity's balance and forecast: exact, from one snapshot of Postgres. Only what requests in flight hold comes from Redis. */
import { Injectable } from '@nestjs/common';
import { requireKnown } from '../access/known-entities.js';
import { Balances, type BalanceRow, type ProjectBalanceRow } from '../accounts/balances.js';
import { Allowances } from '../credits/allowances.js';
import type { EntityName } from '../domain/ids.js';
import { periodOf, type Period } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { ReportsDatabase } from '../platform/reports-database.js';
import { Quota } from '../quota/quota.js';
import { forecastsOf } from './forecast-inputs.js';
import type { Forecast } from './forecast.js';

export type Balance = BalanceRow & {
  readonly entity: EntityName;
  readonly at: Date;
  readonly period: Period;
  readonly heldPicos: bigint;
  readonly projects: readonly ProjectBalanceRow[];
  /** Null with less than three days of data. */
  readonly forecast: Forecast | null;
};

@Injectable()
export class BalanceReports {
  constructor(
    private readonly database: Database,
    private readonly reports: ReportsDatabase,
    private readonly quota: Quota,
    private readonly clock: Clock,
    private readonly balances: Balances,
    private readonly allowances: Allowances,
  ) {}

  /** Throws `not_found` for an unknown entity. Grants the month's allowance first where it is due, so that the balance has it. */
  async read(entity: EntityName): Promise<Balance> {
    const at = this.clock.now();
    const period = periodOf(at);
    const granted = await this.allowances.grantDueApart(this.database, { entities: [entity], at });
    if (granted.length > 0) await this.quota.publishNowOrLater([{ entity, project: null }]);
    const held = await this.quota.held(entity);
    const rows = await this.reports.read(async (tx) => {
      await requireKnown(tx, entity);
      const balance = await this.balances.find(tx, { entity, at });
      const projects = await this.balances.ofProjects(tx, { entity, at });
      const forecasts = await forecastsOf(tx, { at, spenders: [{ ...balance, entity }] });
      return { ...balance, projects, forecast: forecasts.get(entity) ?? null };
    });
    return { ...rows, entity, at, period, heldPicos: held?.heldPicos ?? 0n };
  }
}
