/**
 * What the month will have cost at its end: the month to date, and for each day left the mean of the same weekdays in the last 28
 * days. Pure. Each division rounds down to a picodollar, once per weekday.
 */
import { DAY_MS } from '../domain/buckets.js';
import { assert } from '../domain/errors.js';
import { periodEnd, periodOf } from '../domain/period.js';

/** How far back it looks: four of each weekday. */
export const HISTORY_DAYS = 28;

/** With fewer days a forecast is a guess. */
const DATA_DAYS_MIN = 3;

/** Spend under one cap: of a project with a cap of its own, or of all projects without one together. */
export type SpendSeries = {
  /** One amount per complete day before today, oldest first. All series of a forecast have the same days. */
  readonly dailyPicos: readonly bigint[];
  /** What the cap leaves; null without a cap. */
  readonly roomPicos: bigint | null;
};

export type Forecast = {
  readonly forecastPicos: bigint;
  /** If every day left costs as much as the cheapest, or the most expensive, of its weekdays. */
  readonly lowPicos: bigint;
  readonly highPicos: bigint;
  /** True if caps or credits will stop the spend before that. */
  readonly capped: boolean;
};

/** Null with less than three days to look back on. */
export function forecast(of: {
  at: Date;
  monthToDatePicos: bigint;
  /** What caps and credits leave to the entity as a whole; null without a limit. */
  roomPicos: bigint | null;
  series: readonly SpendSeries[];
}): Forecast | null {
  const daysCount = of.series[0]?.dailyPicos.length ?? 0;
  if (daysCount < DATA_DAYS_MIN) return null;
  assert(
    of.series.every(({ dailyPicos }) => dailyPicos.length === daysCount),
    'all series have the same days',
  );
  const leftMs = weekdaysLeft(of.at);
  const ends = (rule: Rule): Clipped => {
    const parts = of.series.map(({ dailyPicos, roomPicos }) =>
      clip(expectedPicos(dailyPicos, of.at, leftMs, rule), roomPicos),
    );
    const sum = parts.reduce((total, part) => total + part.picos, 0n);
    const whole = clip(sum, of.roomPicos);
    const capped = whole.capped || parts.some((part) => part.capped);
    return { picos: of.monthToDatePicos + whole.picos, capped };
  };
  const [middle, low, high] = [ends(mean), ends(least), ends(most)];
  return {
    forecastPicos: middle.picos,
    lowPicos: low.picos,
    highPicos: high.picos,
    capped: middle.capped,
  };
}

type Clipped = { readonly picos: bigint; readonly capped: boolean };

function clip(picos: bigint, roomPicos: bigint | null): Clipped {
  if (roomPicos === null || picos <= roomPicos) return { picos, capped: false };
  return { picos: roomPicos > 0n ? roomPicos : 0n, capped: true };
}

/** Expects a share of a day's spend from the spend of several days. */
type Rule = (dailyPicos: readonly bigint[], shareMs: bigint) => bigint;

const DAY = BigInt(DAY_MS);

const mean: Rule = (daily, shareMs) =>
  (daily.reduce((sum, picos) => sum + picos, 0n) * shareMs) / (BigInt(daily.length) * DAY);
const least: Rule = (daily, shareMs) => (daily.reduce((a, b) => (a < b ? a : b)) * shareMs) / DAY;
const most: Rule = (daily, shareMs) => (daily.reduce((a, b) => (a > b ? a : b)) * shareMs) / DAY;

/** A weekday without data is expected to be like all days together. */
function expectedPicos(
  dailyPicos: readonly bigint[],
  at: Date,
  leftMs: ReadonlyMap<number, bigint>,
  rule: Rule,
): bigint {
  const today = Math.floor(at.getTime() / DAY_MS);
  let sum = 0n;
  for (const [weekday, shareMs] of leftMs) {
    const same = dailyPicos.filter((_, index) => weekdayOf(today - dailyPicos.length + index) === weekday);
    sum += rule(same.length > 0 ? same : dailyPicos, shareMs);
  }
  return sum;
}

/** Milliseconds left of the month by weekday; of today, what is left of it. */
function weekdaysLeft(at: Date): Map<number, bigint> {
  const end = periodEnd(periodOf(at)).getTime();
  const left = new Map<number, bigint>();
  for (let from = at.getTime(); from < end;) {
    const day = Math.floor(from / DAY_MS);
    const next = (day + 1) * DAY_MS;
    left.set(weekdayOf(day), (left.get(weekdayOf(day)) ?? 0n) + BigInt(next - from));
    from = next;
  }
  return left;
}

/** 0 to 6; which of them is a Monday does not matter. */
function weekdayOf(day: number): number {
  return day % 7;
}
