/** Every customer of a month on one list: from one snapshot of Postgres, and for a page what Redis knows of now. */
import { Injectable } from '@nestjs/common';
import { DEFAULT_PLAN } from '../accounts/default-plan.js';
import { bucketCeiling, type Range } from '../domain/buckets.js';
import type { EntityName } from '../domain/ids.js';
import { paceHours } from '../domain/pace.js';
import { periodEnd, periodOf, periodStart, yearOf, type Period } from '../domain/period.js';
import { unknownCursor } from '../http/list-page.js';
import { Clock } from '../platform/clock.js';
import { LaggingReports } from '../platform/lagging-reports.js';
import type { EntityLoad } from '../quota/entity-loads.js';
import { Quota } from '../quota/quota.js';
import { forecastsOf, type Spender } from './forecast-inputs.js';
import type { Forecast } from './forecast.js';
import { isRankedSort, RANKED_MAX, rankedBehind, tooManyToRank, type RankedSort } from './ranked-entities.js';
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
  readonly sort: VisibleSort | RankedSort;
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

type SortedOrder = VisibleOrder & { readonly sort: VisibleSort };

/** Three commands of Redis for each. */
const LOADED_AT_ONCE = 200;

@Injectable()
export class VisibleEntities {
  constructor(
    private readonly reports: LaggingReports,
    private readonly quota: Quota,
    private readonly clock: Clock,
  ) {}

  /** At most `limit` rows behind `after`. Throws where that is none of the list's. */
  async page(order: VisibleOrder, page: { after: string | null; limit: number }): Promise<VisiblePage> {
    const { sort } = order;
    return isRankedSort(sort) ? this.ranked(order, { ...page, sort }) : this.sorted({ ...order, sort }, page);
  }

  /** Everything that the filter admits is looked at, so that is bounded. */
  private async ranked(
    order: VisibleOrder,
    { after, limit, sort }: { after: string | null; limit: number; sort: RankedSort },
  ): Promise<VisiblePage> {
    const byName = { ...order, sort: 'entity', isDescending: false } as const;
    const found = await this.sorted(byName, { after: null, limit: RANKED_MAX + 1 });
    if (found.rows.length > RANKED_MAX) throw tooManyToRank();
    const ranking = { sort, isDescending: order.isDescending };
    const last = after === null ? null : await this.lastOf(byName, found, after);
    return { ...found, rows: rankedBehind(found, last, ranking).slice(0, limit) };
  }

  /** The last row of the page before: one that the filter admits no more is looked up alone. Throws where it is none of the list's. */
  private async lastOf(order: SortedOrder, found: VisiblePage, after: string): Promise<VisiblePage> {
    const rows = found.rows.filter(({ entity }) => entity === after);
    if (rows.length > 0) return { ...found, rows };
    const unfiltered = { ...order, plan: null, state: null };
    await this.sorted(unfiltered, { after, limit: 1 });
    return this.sorted({ ...unfiltered, only: after }, { after: null, limit: 1 });
  }

  private async sorted(
    order: SortedOrder,
    page: { after: string | null; limit: number },
  ): Promise<VisiblePage> {
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
    return { ...found, at, period, loads: await this.loadsOf(found.rows) };
  }

  /** Some at a time, so that decisions do not wait behind the commands for a long list. */
  private async loadsOf(rows: readonly VisibleRow[]): Promise<VisiblePage['loads']> {
    const loads = new Map<string, EntityLoad>();
    for (let start = 0; start < rows.length; start += LOADED_AT_ONCE) {
      const some = rows.slice(start, start + LOADED_AT_ONCE).map(({ entity }) => entity as EntityName);
      const found = await this.quota.loads.of(some);
      if (found === null) return null;
      for (const [entity, load] of found) loads.set(entity, load);
    }
    return loads;
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
