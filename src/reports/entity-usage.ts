/** What an entity used, by up to two groups and in time buckets. */
import { Injectable } from '@nestjs/common';
import { requireKnown } from '../access/known-entities.js';
import { bucketStart, DAY_MS, WIDTH_MS, type Range } from '../domain/buckets.js';
import { TallyError } from '../domain/errors.js';
import type { EntityName } from '../domain/ids.js';
import type { Meter } from '../domain/meters.js';
import { periodEnd, periodOf, periodStart } from '../domain/period.js';
import { requireInOrder } from '../domain/time-range.js';
import { keepMonths, requireEvents } from '../metering/dropped-months.js';
import { Clock } from '../platform/clock.js';
import { LaggingReports } from '../platform/lagging-reports.js';
import { needsEvents, sumRatedUsage, type RatedUsage, type UsageWidth } from './entity-usage.sql.js';
import { sumByMeter, type MeterSum } from './meter-sums.js';
import type { UsageFilters, UsageGroup } from './usage-fields.sql.js';

/** An answer with more rows is refused: the caller can ask for less time, or for fewer projects or models at once. */
const ROWS_MAX = 10_000;

/** Reads every event of the range. */
const EVENT_DAYS_MAX = 62;

export type EntityUsageQuery = {
  readonly entity: EntityName;
  readonly start: Date | null;
  readonly end: Date | null;
  /** Null is one bucket for all. */
  readonly width: UsageWidth | null;
  readonly groupBy: readonly (UsageGroup | 'meter')[];
  /** Null is any. */
  readonly meters: readonly Meter[] | null;
  readonly filters: UsageFilters;
};

export type EntityUsageRow = {
  readonly bucket: Range | null;
  /** In the sequence of the groups that were asked for, without the meter. */
  readonly groups: readonly (string | null)[];
  /** Where rows are grouped by it. */
  readonly meter: Meter | null;
  /** Null where rows are of one meter or of some: a request has many. */
  readonly requests: bigint | null;
  readonly inputTokens: bigint;
  readonly cachedInputTokens: bigint;
  readonly outputTokens: bigint;
  readonly meters: readonly MeterSum[];
  readonly costPicos: bigint;
};

@Injectable()
export class EntityUsage {
  constructor(
    private readonly database: LaggingReports,
    private readonly clock: Clock,
  ) {}

  /** In whole hours, the most expensive of a bucket first. A bound that is null is that of the current month. */
  async read(query: EntityUsageQuery): Promise<Range & { rows: EntityUsageRow[] }> {
    const period = periodOf(this.clock.now());
    const range = { start: query.start ?? periodStart(period), end: query.end ?? periodEnd(period) };
    checkRange(range, query);
    const groupBy = query.groupBy.filter((group) => group !== 'meter');
    const usage = await this.database.read(async (tx) => {
      await keepMonths(tx);
      await requireKnown(tx, query.entity);
      if (needsEvents({ ...query, groupBy }))
        await requireEvents(tx, {
          entity: query.entity,
          from: range.start,
          to: range.end,
          param: 'start_time',
        });
      return sumRatedUsage(tx, { ...query, groupBy, range, rowsMax: ROWS_MAX + 1 });
    });
    const rows = usage.length > ROWS_MAX ? [] : rowsOf(usage, query, range);
    if (usage.length > ROWS_MAX || rows.length > ROWS_MAX) {
      throw new TallyError('invalid_request', `end_time: more than ${ROWS_MAX} rows, ask for less time`, {
        param: 'end_time',
      });
    }
    return { ...range, rows };
  }
}

function checkRange({ start, end }: Range, query: EntityUsageQuery): void {
  requireInOrder({ start, end });
  const groupBy = query.groupBy.filter((group) => group !== 'meter');
  const daysMax = needsEvents({ ...query, groupBy }) ? EVENT_DAYS_MAX : Infinity;
  if (end.getTime() - start.getTime() <= daysMax * DAY_MS) return;
  const message = `end_time: must lie at most ${daysMax} days after start_time, by user, API key, tag or minute`;
  throw new TallyError('invalid_request', message, { param: 'end_time' });
}

/** Adds up the rates of each group in each bucket. Equal costs keep the order of the names. */
function rowsOf(usage: readonly RatedUsage[], query: EntityUsageQuery, range: Range): EntityUsageRow[] {
  const groups: RatedUsage[][] = [];
  for (const rated of usage) {
    const held = groups.at(-1);
    if (held !== undefined && isSameGroup(held[0]!, rated)) held.push(rated);
    else groups.push([rated]);
  }
  return groups.flatMap((rates) => rowsOfGroup(rates, query, range)).sort(byBucketAndCost);
}

/** The rates of a group in a bucket come one after another. */
function isSameGroup(a: RatedUsage, b: RatedUsage): boolean {
  return a.bucket?.getTime() === b.bucket?.getTime() && a.groups.every((name, at) => name === b.groups[at]);
}

function rowsOfGroup(
  rates: readonly RatedUsage[],
  { width, groupBy, meters }: EntityUsageQuery,
  range: Range,
): EntityUsageRow[] {
  const { bucket, groups } = rates[0]!;
  const at = bucket === null || width === null ? null : bucketIn(range, bucket, width);
  const sums = sumByMeter(rates).filter(({ meter }) => meters === null || meters.includes(meter));
  const of = { bucket: at, groups };
  if (groupBy.includes('meter')) {
    return sums.map((sum) => ({ ...of, ...figuresOf([sum]), meter: sum.meter, requests: null }));
  }
  const requests = meters === null ? rates.reduce((sum, rate) => sum + rate.requests, 0n) : null;
  if (sums.length === 0 && (requests ?? 0n) === 0n) return [];
  return [{ ...of, ...figuresOf(sums), meter: null, requests }];
}

function figuresOf(meters: readonly MeterSum[]) {
  const quantity = (...names: Meter[]) =>
    meters.reduce((sum, each) => sum + (names.includes(each.meter) ? each.quantity : 0n), 0n);
  return {
    meters,
    inputTokens: quantity('input'),
    cachedInputTokens: quantity('cached_input'),
    outputTokens: quantity('output', 'reasoning'),
    costPicos: meters.reduce((sum, { costPicos }) => sum + costPicos, 0n),
  };
}

/** The range cuts its first and last bucket. */
function bucketIn(range: Range, aligned: Date, width: UsageWidth): Range {
  const end =
    width === '1mo'
      ? periodEnd(periodOf(aligned))
      : new Date(bucketStart(aligned, width).getTime() + WIDTH_MS[width]);
  return { start: aligned < range.start ? range.start : aligned, end: end > range.end ? range.end : end };
}

function byBucketAndCost(a: EntityUsageRow, b: EntityUsageRow): number {
  const [first, second] = [a.bucket?.start.getTime() ?? 0, b.bucket?.start.getTime() ?? 0];
  if (first !== second) return first - second;
  return a.costPicos === b.costPicos ? 0 : a.costPicos > b.costPicos ? -1 : 1;
}
