/** Every customer of a month on one list: from one snapshot of Postgres, and for a page what Redis knows of now. */
import { Injectable } from '@nestjs/common';
import { DEFAULT_PLAN } from '../accounts/default-plan.js';
import { bucketCeiling, type Range } from '../domain/buckets.js';
import type { EntityName } from '../domain/ids.js';
import { periodEnd, periodOf, periodStart, yearOf, type Period } from '../domain/period.js';
import { unknownCursor } from '../http/list-page.js';
import { Clock } from '../platform/clock.js';
import { LaggingReports } from '../platform/lagging-reports.js';
import type { EntityLoad } from '../quota/entity-loads.js';
import { Quota } from '../quota/quota.js';
import { paceHours } from './credits-until.js';
import { forecastsOf, type Spender } from './forecast-inputs.js';
import type { Forecast } from './forecast.js';
import {
  findVisible,
  type VisibleQuery,
  type VisibleRow,
  type VisibleSort,
  type VisibleState,
  type VisibleTotals,
} from './visible-entities.sql.js';

export type VisibleOrder = {
  readonly only: string | null;
  readonly search: string | null;
  readonly plan: string | null;
  readonly state: VisibleState | null;
  /** Null is the current one. */
  readonly period: Period | null;
  readonly sort: VisibleSort;
  readonly isDescending: boolean;
};

export type VisiblePage = {
  readonly at: Date;
  readonly period: Period;
  readonly rows: readonly VisibleRow[];
  readonly totals: VisibleTotals;
  readonly forecasts: ReadonlyMap<string, Forecast>;
  /** Null while Redis is unavailable. */
  readonly loads: ReadonlyMap<string, EntityLoad> | null;
};

@Injectable()
export class VisibleEntities {
  constructor(
    private readonly reports: LaggingReports,
    private readonly quota: Quota,
    private readonly clock: Clock,
  ) {}

  /** At most `limit` rows behind `after`. Throws where that is none of the list's. */
  async page(order: VisibleOrder, page: { after: string | null; limit: number }): Promise<VisiblePage> {
    const at = this.clock.now();
    const current = periodOf(at);
    const period = order.period ?? current;
    const previous = periodOf(new Date(periodStart(period).getTime() - 1));
    const of: VisibleQuery = {
      ...order,
      period,
      previous,
      later: laterHours({ period, previous, at }),
      now: { at, period: current, ends: periodEnd(current), year: yearOf(current) },
      pace: paceHours(at),
      defaultPlan: DEFAULT_PLAN,
      ...page,
    };
    const found = await this.reports.read(async (tx) => {
      const { rows, totals, hasAfter } = await findVisible(tx, of);
      if (!hasAfter) throw unknownCursor();
      const spenders = period === current ? rows.map(spenderOf) : [];
      return { rows, totals, forecasts: await forecastsOf(tx, { at, spenders }) };
    });
    const loads = await this.quota.loads.of(found.rows.map(({ entity }) => entity as EntityName));
    return { ...found, at, period, loads };
  }
}

function spenderOf({ spentPicos, ...row }: VisibleRow): Spender {
  return { ...row, monthPicos: spentPicos };
}

/**
 * The hours of the month before that have not been reached in the period: none where the period is over. The hour that has begun counts as
 * reached. A shorter month has no days that a longer one has not reached.
 */
function laterHours(of: { period: Period; previous: Period; at: Date }): Range {
  const { period, previous, at } = of;
  const end = periodEnd(previous);
  const reachedMs = Math.max(at.getTime() - periodStart(period).getTime(), 0);
  const start = bucketCeiling(new Date(periodStart(previous).getTime() + reachedMs), '1h');
  return at >= periodEnd(period) || start > end ? { start: end, end } : { start, end };
}
