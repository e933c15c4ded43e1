/** Computes everything that the report shows from what the API answered. Pure. */
import type { Schemas } from '../../api/client.js';
import { addDays, daysName, eachDay, type ShownRange } from '../../parts/calendar.js';
import { changePerMille, picosOf, sumPicos } from '../../parts/money.js';
import type { Measure } from '../../parts/words.js';
import * as credits from './credits.js';
import { PACE_DAYS } from './pace.js';
import {
  byDay,
  byMeter,
  byProjectAndModel,
  EMPTY,
  readDays,
  runningPicos,
  total,
  type Daily,
  type DayRow,
  type TableRow,
} from './sums.js';

export type Loaded = {
  readonly range: ShownRange;
  readonly balance: Schemas['Balance'];
  readonly activity: Schemas['Activity'];
  readonly earlier: Schemas['Activity'];
  readonly usage: Schemas['EntityUsage'];
  /** Of the last seven days. */
  readonly pace: Schemas['EntityUsage'];
  /** Null where the month is not open. */
  readonly forecast: Schemas['Forecast'] | null;
  readonly customer: Schemas['Customer'];
  readonly denials: Schemas['DenialList'];
};

export type ReportOf = ReturnType<typeof computeReport>;

export function computeReport(loaded: Loaded, { by, show }: { by: 'model' | 'project'; show: Measure }) {
  const { range, activity } = loaded;
  const [rows, earlierRows] = [readDays(activity.days), readDays(loaded.earlier.days)];
  const daily = byDay(rows, { by, show, start: range.start, end: range.end });
  const compared = {
    complete: range.complete,
    before: { rows: earlierRows, comparedEnd: range.before.comparedEnd },
  };
  const table = withVanished(byProjectAndModel(rows, compared), earlierRows, range);
  const forecast = readForecast(loaded.forecast);
  const late = lateOf(loaded);
  return {
    ...loaded,
    rows,
    daily,
    forecast,
    table,
    meters: byMeter(loaded.usage.data),
    used: total(rows).picos,
    charged: chargedTo(loaded),
    late,
    compared: changePerMille(
      sumPicos(table, (row) => row.now),
      sumPicos(table, (row) => row.earlier),
    ),
    comparedName: comparedName(range),
    cap: range.isCurrentMonth ? capOf(loaded.balance) : null,
    lines: totalLines(daily, { range, forecast, late }),
    ...creditsOf(loaded, daily),
  };
}

export type Forecast = { picos: bigint; low: bigint; high: bigint; isCapped: boolean };

/** Null for a month that is over, and where there is too little usage for a forecast. */
function readForecast(forecast: Schemas['Forecast'] | null): Forecast | null {
  if (forecast === null) return null;
  const { forecast_usd: middle, low_usd: low, high_usd: high } = forecast;
  if (middle === null || low === null || high === null) return null;
  return {
    picos: picosOf(middle),
    low: picosOf(low),
    high: picosOf(high),
    isCapped: forecast.capped ?? false,
  };
}

/** Adds rows for projects and models that had usage before and have none now: their cost fell to zero. */
function withVanished(
  table: readonly TableRow[],
  earlierRows: readonly DayRow[],
  range: ShownRange,
): TableRow[] {
  const shown = new Set(table.map(({ project, model }) => `${project}\n${model}`));
  const gone = earlierRows.filter(
    ({ day, project, model }) => day < range.before.comparedEnd && !shown.has(`${project}\n${model}`),
  );
  const once = new Map(
    gone.map(({ project, model }) => [`${project}\n${model}`, { ...EMPTY, project, model, day: '' }]),
  );
  const before = { rows: gone, comparedEnd: range.before.comparedEnd };
  return [...table, ...byProjectAndModel([...once.values()], { complete: range.complete, before })];
}

/** What a month was charged, late usage of other months included; null where the range is no month. */
function chargedTo({ range, balance, activity }: Loaded): bigint | null {
  if (range.month === null) return null;
  if (range.isCurrentMonth) return picosOf(balance.month_to_date_usd);
  const period = activity.periods.find((each) => each.period === range.month);
  return period === undefined ? 0n : picosOf(period.charged_usd);
}

type LateOf = ReturnType<typeof lateOf>;

export type Late = { readonly month: string; readonly requests: number; readonly picos: bigint };

/** Late usage of a month: its usage that is charged to other months, and other months' usage that is charged to it. Empty where the range is no month. */
function lateOf({ range, activity }: Loaded): { billedElsewhere: Late[]; fromElsewhere: Late[] } {
  const read = (month: string, each: Schemas['ActivityLate']) => ({
    month,
    requests: each.requests,
    picos: picosOf(each.cost_usd),
  });
  const { late } = activity.marks;
  return {
    billedElsewhere: late.flatMap((each) =>
      each.occurred_period === range.month ? read(each.period, each) : [],
    ),
    fromElsewhere: late.flatMap((each) =>
      each.period === range.month ? read(each.occurred_period, each) : [],
    ),
  };
}

function comparedName({ complete, before, isOver }: ShownRange): string {
  const name = (start: string, end: string) => daysName(start, addDays(end, -1));
  if (complete.start === complete.end || before.start === before.comparedEnd) return 'before';
  if (isOver) return `against ${name(before.start, before.comparedEnd)}`;
  return `${name(complete.start, complete.end)} against ${name(before.start, before.comparedEnd)}`;
}

export type Cap = { name: 'monthly' | 'yearly'; limit: bigint; spent: bigint; period: string };

/** The cap of which the larger share is spent. */
function capOf(balance: Schemas['Balance']): Cap | null {
  const { monthly_cap_usd: monthly, yearly_cap_usd: yearly, period } = balance;
  const caps: Cap[] = [];
  if (monthly !== null)
    caps.push({
      name: 'monthly',
      limit: picosOf(monthly),
      spent: picosOf(balance.month_to_date_usd),
      period,
    });
  if (yearly !== null)
    caps.push({
      name: 'yearly',
      limit: picosOf(yearly),
      spent: picosOf(balance.year_to_date_usd),
      period: period.slice(0, 4),
    });
  return caps.sort((a, b) => (b.spent * a.limit > a.spent * b.limit ? 1 : -1))[0] ?? null;
}

type Line = readonly (bigint | null)[];
type TotalLines = {
  readonly days: readonly string[];
  /** Late usage of other months that the current month is charged: the running total starts with it. */
  readonly late: bigint;
  readonly running: Line;
  readonly forecast: { readonly middle: Line; readonly low: Line; readonly high: Line } | null;
};

/** The forecast's lines (expected, lowest, highest) go straight from today's total to the month's end. */
function totalLines(
  daily: Daily,
  {
    range,
    forecast,
    late: { fromElsewhere },
  }: { range: ShownRange; forecast: Forecast | null; late: LateOf },
): TotalLines {
  const late = range.isCurrentMonth ? sumPicos(fromElsewhere, ({ picos }) => picos) : 0n;
  const running = runningPicos(daily, range.today).map((picos) => (picos === null ? null : picos + late));
  const today = daily.days.indexOf(range.today);
  const from = running[today] ?? null;
  if (forecast === null || from === null) return { days: daily.days, late, running, forecast: null };
  const steps = BigInt(Math.max(1, daily.days.length - 1 - today));
  const lineTo = (end: bigint) =>
    daily.days.map((_, index) =>
      index < today ? null : from + ((end - from) * BigInt(index - today)) / steps,
    );
  const lines = { middle: lineTo(forecast.picos), low: lineTo(forecast.low), high: lineTo(forecast.high) };
  return { days: daily.days, late, running, forecast: lines };
}

/** How far past the range the projection of credits is drawn. */
const AHEAD_DAYS_DRAWN = 31;

function creditsOf({ range, activity, pace }: Loaded, daily: Daily) {
  const grants = credits.readGrants(activity.grants);
  const asOf = activity.as_of;
  const rate = sumPicos(pace.data, (row) => picosOf(row.cost_usd)) / BigInt(PACE_DAYS);
  const projection = { ...credits.project(grants, { asOf, rate }), rate };
  const left = credits.history(grants, daily, { asOf, burntAfter: picosOf(activity.credits_after_usd) });
  const isOpen = daily.days.includes(range.today);
  const last = addDays(range.end, AHEAD_DAYS_DRAWN);
  const points = isOpen ? projection.points.filter(({ day }) => day < last) : [];
  const end = points.reduce((latest, { day }) => (day >= latest ? addDays(day, 1) : latest), range.end);
  const days = eachDay(range.start, end);
  const ahead = new Map<string, bigint | null>([
    [range.today, left[daily.days.indexOf(range.today)] ?? null],
    ...points.map((point) => [point.day, point.left] as const),
  ]);
  return {
    grants,
    projection,
    creditLines: {
      days,
      left: days.map((_, index) => left[index] ?? null),
      ahead: days.map((day) => (isOpen ? (ahead.get(day) ?? null) : null)),
    },
  };
}
