/** Loads what a view needs and computes everything that it shows. */
import { ask } from './api.js';
import { addDays, daysBetween, daysName, eachDay, rangeOf, secondsOf } from './calendar.js';
import * as credits from './credits.js';
import { changePerMille, picosOf, sumPicos } from './money.js';
import {
  byDay,
  byMeter,
  byProjectAndModel,
  EMPTY,
  measureOf,
  readDays,
  runningPicos,
  total,
} from './sums.js';

/** How far past the range the projection of credits is drawn. */
const AHEAD_DAYS_DRAWN = 31;

export async function loadReport(view) {
  const path = `/v1/entities/${encodeURIComponent(view.entity)}`;
  const balance = await ask(`${path}/balance`);
  const range = rangeOf({ ...view, month: view.month ?? balance.period }, balance.as_of);
  const activityOf = (start, end) =>
    ask(`${path}/activity`, { start_time: secondsOf(start), end_time: secondsOf(end) });
  const [activity, usage, earlier, forecast] = await Promise.all([
    activityOf(range.start, range.end),
    ask(`${path}/usage`, { start_time: secondsOf(range.start), end_time: secondsOf(range.end) }),
    activityOf(range.before.start, range.before.end),
    range.isCurrentMonth ? ask(`${path}/forecast`) : null,
  ]);
  return {
    balance,
    range,
    activity,
    usage,
    forecast,
    rows: readDays(activity.days),
    earlierRows: readDays(earlier.days),
  };
}

export function computeReport(loaded, { by, show }) {
  const { balance, range, activity, rows, earlierRows } = loaded;
  const daily = measuredDays(rows, { by, show, start: range.start, end: range.end });
  const table = byProjectAndModel(rows, {
    complete: range.complete,
    before: { rows: earlierRows, comparedEnd: range.before.comparedEnd },
  });
  const forecast = readForecast(loaded.forecast);
  return {
    balance,
    range,
    rows,
    daily,
    forecast,
    meters: byMeter(loaded.usage.data),
    marks: activity.marks,
    periods: activity.periods,
    elsewhere: chargedElsewhere(loaded),
    table: withVanished(table, earlierRows, range),
    spent: spentIn(loaded),
    compared: changePerMille(
      sumPicos(table, (row) => row.now),
      sumPicos(
        earlierRows.filter(({ day }) => day < range.before.comparedEnd),
        (row) => row.picos,
      ),
    ),
    comparedName: comparedName(range),
    cap: capOf(balance),
    totalLines: totalLines(daily, range, forecast),
    ...creditsOf(loaded, daily),
  };
}

/** Null for a month that is over, and where there is too little usage for a forecast. */
function readForecast(forecast) {
  if (forecast === null || forecast.forecast_usd === null) return null;
  const [picos, low, high] = [forecast.forecast_usd, forecast.low_usd, forecast.high_usd].map(picosOf);
  return { picos, low, high, isCapped: forecast.capped };
}

function measuredDays(rows, options) {
  const daily = byDay(rows, options);
  const measure = (sum) => measureOf(sum, options.show);
  const groups = daily.groups.map((group) => ({ ...group, measures: group.days.map(measure) }));
  return { ...daily, groups, measures: daily.totals.map(measure) };
}

/** Adds rows for projects and models that had usage before and have none now: their cost fell to zero. */
function withVanished(table, earlierRows, range) {
  const shown = new Set(table.map(({ project, model }) => `${project}\n${model}`));
  const compared = earlierRows.filter(({ day }) => day < range.before.comparedEnd);
  const gone = compared.filter(({ project, model }) => !shown.has(`${project}\n${model}`));
  const empty = { complete: range.complete, before: { rows: gone, comparedEnd: range.before.comparedEnd } };
  const once = new Map(
    gone.map(({ project, model }) => [`${project}\n${model}`, { ...EMPTY, project, model, day: '' }]),
  );
  return [...table, ...byProjectAndModel([...once.values()], empty)];
}

/** For a whole month what was charged to it, which may include late usage of another month; for other ranges the usage in them. */
function spentIn({ balance, range, activity, rows }) {
  if (range.isCurrentMonth) return picosOf(balance.month_to_date_usd);
  if (!isWholeMonth(range)) return total(rows).picos;
  const [period] = activity.periods;
  return period?.period === range.start.slice(0, 7) ? picosOf(period.charged_usd) : 0n;
}

/** What was charged to a month minus the usage in it; zero for ranges that are no whole month. */
function chargedElsewhere(loaded) {
  return isWholeMonth(loaded.range) ? spentIn(loaded) - total(loaded.rows).picos : 0n;
}

function isWholeMonth({ start, end }) {
  return start.endsWith('-01') && end.endsWith('-01') && daysBetween(start, end) <= 31;
}

function comparedName({ complete, before, isOver }) {
  const name = (start, end) => daysName(start, addDays(end, -1));
  if (complete.start === complete.end || before.start === before.comparedEnd) return 'before';
  if (isOver) return `against ${name(before.start, before.comparedEnd)}`;
  return `${name(complete.start, complete.end)} against ${name(before.start, before.comparedEnd)}`;
}

/** The cap of which more is spent. */
function capOf(balance) {
  const caps = [
    {
      name: 'monthly',
      limit: balance.monthly_cap_usd,
      spent: balance.month_to_date_usd,
      period: balance.period,
    },
    {
      name: 'yearly',
      limit: balance.yearly_cap_usd,
      spent: balance.year_to_date_usd,
      period: balance.period.slice(0, 4),
    },
  ]
    .filter(({ limit }) => limit !== null)
    .map((cap) => ({ ...cap, limit: picosOf(cap.limit), spent: picosOf(cap.spent) }));
  return caps.sort((a, b) => (b.spent * a.limit > a.spent * b.limit ? 1 : -1))[0] ?? null;
}

/** The forecast's lines (expected, lowest, highest) go straight from today's total to the month's end. */
function totalLines(daily, range, forecast) {
  const running = runningPicos(daily, range.today);
  const today = daily.days.indexOf(range.today);
  if (forecast === null || today < 0) return { days: daily.days, running, forecast: null };
  const steps = BigInt(Math.max(1, daily.days.length - 1 - today));
  const from = running[today];
  const lineTo = (end) =>
    daily.days.map((_, index) =>
      index < today ? null : from + ((end - from) * BigInt(index - today)) / steps,
    );
  const lines = { middle: lineTo(forecast.picos), low: lineTo(forecast.low), high: lineTo(forecast.high) };
  return { days: daily.days, running, forecast: lines };
}

function creditsOf({ balance, range, activity, rows, earlierRows }, daily) {
  const grants = credits.readGrants(activity.grants);
  const asOf = activity.as_of;
  const rate = credits.dailyRate([...earlierRows, ...rows], range.today, range.before.start);
  const projection = { ...credits.project(grants, { asOf, rate }), rate };
  const left = credits.history(grants, daily, { asOf, burntAfter: picosOf(activity.credits_after_usd) });
  const isOpen = daily.days.includes(range.today);
  const last = addDays(range.end, AHEAD_DAYS_DRAWN);
  const points = isOpen ? projection.points.filter(({ day }) => day < last) : [];
  const end = points.reduce((latest, { day }) => (day >= latest ? addDays(day, 1) : latest), range.end);
  const days = eachDay(range.start, end);
  const lost = new Map(points.map((point) => [point.day, point.lost]));
  const ahead = new Map([
    [range.today, left[daily.days.indexOf(range.today)]],
    ...points.map((point) => [point.day, point.left]),
  ]);
  return {
    grants,
    asOf,
    credits: picosOf(balance.credits_usd),
    projection,
    creditLines: {
      days,
      left: days.map((_, index) => left[index] ?? null),
      ahead: days.map((day) => (isOpen ? (ahead.get(day) ?? null) : null)),
      lost: days.map((day) => lost.get(day) ?? null),
    },
  };
}
