/** What an entity did in a range of time, from one snapshot, so that its figures agree with each other. The dashboard is drawn from it. */
import { Injectable } from '@nestjs/common';
import { requireKnown } from '../access/known-entities.js';
import { Grants, type GrantRow } from '../credits/grants.js';
import { DAY_MS } from '../domain/buckets.js';
import { TallyError } from '../domain/errors.js';
import type { EntityName } from '../domain/ids.js';
import type { QuantitySums } from '../domain/meters.js';
import { periodEnd, periodOf, periodStart, type Period } from '../domain/period.js';
import { requireInOrder } from '../domain/time-range.js';
import { Clock } from '../platform/clock.js';
import type { Tx } from '../platform/database.js';
import { LaggingReports } from '../platform/lagging-reports.js';
import { sumRatedUsage, type RatedUsage } from './entity-usage.sql.js';
import { sumByMeter } from './meter-sums.js';
import {
  findPeriodSums,
  findUsageMarks,
  sumBurntSince,
  sumDailyUsage,
  sumLateUsage,
  type DailyUsage,
  type LateUsage,
  type PeriodSums,
  type UsageMarks,
} from './entity-activity.sql.js';

/** An answer with more rows is refused: the caller can ask for less time at once. */
const ROWS_MAX = 50_000;

const RANGE_DAYS_MAX = 400;

/** Usage is accepted up to 35 days late, so usage that a period is charged for occurred at most that long before it. */
const LATE_DAYS_MAX = 36;

export type UnpricedUsage = {
  readonly model: string;
  readonly quantities: QuantitySums;
  /** Whether there are requests of which nothing has a price. */
  readonly isWhole: boolean;
};

export type Activity = {
  readonly entity: EntityName;
  readonly at: Date;
  readonly start: Date;
  readonly end: Date;
  readonly newestUsageAt: Date | null;
  readonly days: readonly DailyUsage[];
  readonly burntAfterPicos: bigint;
  readonly grants: readonly GrantRow[];
  readonly marks: UsageMarks;
  readonly late: readonly LateUsage[];
  /** What has no price yet, by model. */
  readonly unpriced: readonly UnpricedUsage[];
  readonly periods: readonly PeriodSums[];
};

@Injectable()
export class EntityActivity {
  constructor(
    private readonly database: LaggingReports,
    private readonly clock: Clock,
    private readonly grants: Grants,
  ) {}

  /** In whole hours. A bound that is null is that of the current month. */
  async read(of: { entity: EntityName; start: Date | null; end: Date | null }): Promise<Activity> {
    const at = this.clock.now();
    const { entity } = of;
    const { start, end } = rangeOf(of, at);
    const hours = { entity, start, end };
    const periods = { firstPeriod: periodOf(start), lastPeriod: periodOf(new Date(end.getTime() - 1)) };
    const lateSince = new Date(periodStart(periods.firstPeriod).getTime() - LATE_DAYS_MAX * DAY_MS);
    return this.database.read(async (tx) => {
      await requireKnown(tx, entity);
      return { ...(await this.figures(tx, hours, { ...periods, lateSince })), entity, at, start, end };
    });
  }

  private async figures(
    tx: Tx,
    hours: { entity: EntityName; start: Date; end: Date },
    { lateSince, ...periods }: { firstPeriod: Period; lastPeriod: Period; lateSince: Date },
  ): Promise<Omit<Activity, 'entity' | 'at' | 'start' | 'end'>> {
    const { entity, end } = hours;
    return {
      newestUsageAt: await findNewestUsage(tx, entity),
      days: withinLimit(await sumDailyUsage(tx, { ...hours, rowsMax: ROWS_MAX + 1 })),
      burntAfterPicos: await sumBurntSince(tx, { entity, since: end }),
      grants: await this.grants.of(tx, entity),
      marks: await findUsageMarks(tx, hours),
      late: await sumLateUsage(tx, { ...hours, ...periods, lateSince }),
      unpriced: unpricedOf(await sumRatedUsage(tx, usageByModel(hours))),
      periods: await findPeriodSums(tx, {
        entity,
        start: lateSince,
        end: periodEnd(periods.lastPeriod),
        ...periods,
      }),
    };
  }
}

function usageByModel({ entity, start, end }: { entity: EntityName; start: Date; end: Date }) {
  const range = { start, end };
  return { entity, range, width: null, groupBy: ['model'] as const, filters: new Map(), rowsMax: ROWS_MAX };
}

/** By model in the order of their names. A model of which everything is charged is left out. */
function unpricedOf(usage: readonly RatedUsage[]): UnpricedUsage[] {
  const models = [...new Set(usage.flatMap(({ groups }) => groups[0] ?? []))].toSorted();
  return models.flatMap((model) => {
    const rates = usage.filter(({ groups }) => groups[0] === model);
    const sums = sumByMeter(rates);
    const unpriced = sums.filter((sum) => sum.unpriced !== 0n);
    if (unpriced.length === 0) return [];
    const quantities = Object.fromEntries(unpriced.map((sum) => [sum.meter, sum.unpriced]));
    const isWhole = rates.some((rate) => rate.unitPrices === null && rate.requests !== 0n);
    return [{ model, quantities, isWhole }];
  });
}

/** Whether roll-ups, projects and account agree on a period's charge, to the picodollar. */
export function agrees(sums: PeriodSums): boolean {
  return (
    sums.rolledUpPicos === sums.chargedPicos &&
    sums.projectsPicos === sums.chargedPicos &&
    sums.rolledUpBurntPicos === sums.burntPicos &&
    sums.burntPicos + sums.overagePicos === sums.chargedPicos
  );
}

function rangeOf(of: { start: Date | null; end: Date | null }, at: Date): { start: Date; end: Date } {
  const period = periodOf(at);
  const start = of.start ?? periodStart(period);
  const end = of.end ?? periodEnd(period);
  requireInOrder({ start, end });
  if (end.getTime() - start.getTime() > RANGE_DAYS_MAX * DAY_MS) {
    const message = `end_time: must lie at most ${RANGE_DAYS_MAX} days after start_time`;
    throw new TallyError('invalid_request', message, { param: 'end_time' });
  }
  return { start, end };
}

async function findNewestUsage(tx: Tx, entity: string): Promise<Date | null> {
  const row = await tx.usageEvent.findFirst({
    where: { entity },
    orderBy: { occurredAt: 'desc' },
    select: { occurredAt: true },
  });
  return row?.occurredAt ?? null;
}

function withinLimit(rows: readonly DailyUsage[]): readonly DailyUsage[] {
  if (rows.length <= ROWS_MAX) return rows;
  throw new TallyError('invalid_request', `end_time: more than ${ROWS_MAX} rows, ask for less time`, {
    param: 'end_time',
  });
}
