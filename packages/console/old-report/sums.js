/** Sums of daily rows: by group and day, by project and model. Pure. */
import { eachDay } from './calendar.js';
import { addOthers, METERS, othersOf, tokensAmong } from './meters.js';
import { picosOf } from './money.js';

/** The largest groups are shown; the others are one group, the tail. */
export const GROUPS_SHOWN = 6;

/** The tail's name, which no project and no model has. */
export const TAIL = '';

/** `output` holds the reasoning, `others` the quantities of all other meters. */
export const EMPTY = { requests: 0, input: 0, cached: 0, output: 0, others: {}, picos: 0n, credits: 0n };

/** The API's rows, with amounts read. */
export function readDays(days) {
  return days.map((row) => ({
    day: row.day,
    project: row.project,
    model: row.model,
    requests: row.requests,
    input: row.input_tokens,
    cached: row.cached_input_tokens,
    output: row.output_tokens,
    others: othersOf(row.quantities),
    picos: picosOf(row.cost_usd),
    credits: picosOf(row.credits_usd),
  }));
}

export function total(rows) {
  return rows.reduce(add, EMPTY);
}

export function tokensOf(sum) {
  return sum.input + sum.cached + sum.output + tokensAmong(sum.others);
}

/** The meters beside the usual ones that some row has, in the order of bills. */
export function othersUsed(rows) {
  const used = new Set(rows.flatMap((row) => Object.keys(row.others)));
  return Object.keys(METERS).filter((meter) => used.has(meter));
}

/** What each meter counted and cost, in the order of bills. `rows` are the API's, by project and model. */
export function byMeter(rows) {
  return Object.keys(METERS).flatMap((meter) => {
    const having = rows.filter(({ quantities }) => quantities[meter]);
    if (having.length === 0) return [];
    return {
      meter,
      quantity: having.reduce((sum, row) => sum + row.quantities[meter], 0),
      picos: having.reduce((sum, row) => sum + picosOf(row.meter_costs_usd[meter]), 0n),
      isWaiting: having.some((row) => row.unpriced_meters.includes(meter)),
    };
  });
}

/** The measure that is shown, as an exact integer: picodollars, tokens or requests. */
export function measureOf(sum, show) {
  if (show === 'cost') return sum.picos;
  return BigInt(show === 'tokens' ? tokensOf(sum) : sum.requests);
}

/** Days × groups: the largest groups by the measure, then the tail, with every day of the range, even those without usage. */
export function byDay(rows, { by, show, start, end }) {
  const totals = sumBy(rows, (row) => row[by]);
  const ranked = [...totals].sort(([aName, a], [bName, b]) => {
    const difference = measureOf(b, show) - measureOf(a, show);
    return difference === 0n ? (aName < bName ? -1 : 1) : difference > 0n ? 1 : -1;
  });
  // A tail of one group is shown under the group's own name.
  const shown = ranked.length <= GROUPS_SHOWN + 1 ? ranked.length : GROUPS_SHOWN;
  const names = new Set(ranked.slice(0, shown).map(([name]) => name));
  const nameOf = (row) => (names.has(row[by]) ? row[by] : TAIL);
  const cells = sumBy(rows, (row) => `${row.day}\n${nameOf(row)}`);
  const days = eachDay(start, end);
  const groups = [...names, ...(ranked.length > shown ? [TAIL] : [])].map((name) => ({
    name,
    isTail: !names.has(name),
    count: names.has(name) ? 1 : ranked.length - shown,
    total: total(rows.filter((row) => nameOf(row) === name)),
    days: days.map((day) => cells.get(`${day}\n${name}`) ?? EMPTY),
  }));
  return { days, groups, totals: days.map((day) => total(rows.filter((row) => row.day === day))) };
}

/** Project × model, the highest cost first, each with its cost in the compared days and in the days before them. */
export function byProjectAndModel(rows, { complete, before }) {
  const key = (row) => `${row.project}\n${row.model}`;
  const now = sumBy(
    rows.filter((row) => row.day >= complete.start && row.day < complete.end),
    key,
  );
  const earlier = sumBy(
    before.rows.filter((row) => row.day < before.comparedEnd),
    key,
  );
  return [...sumBy(rows, key)].map(([name, sum]) => {
    const [project, model] = name.split('\n');
    return {
      project,
      model,
      ...sum,
      now: now.get(name)?.picos ?? 0n,
      earlier: earlier.get(name)?.picos ?? 0n,
    };
  });
}

/** Running sums of cost up to and including today; later days have none. */
export function runningPicos(daily, today) {
  let sum = 0n;
  return daily.days.map((day, index) => (day > today ? null : (sum += daily.totals[index].picos)));
}

function sumBy(rows, keyOf) {
  const sums = new Map();
  for (const row of rows) sums.set(keyOf(row), add(sums.get(keyOf(row)) ?? EMPTY, row));
  return sums;
}

function add(sum, row) {
  return {
    requests: sum.requests + row.requests,
    input: sum.input + row.input,
    cached: sum.cached + row.cached,
    output: sum.output + row.output,
    others: addOthers(sum.others, row.others),
    picos: sum.picos + row.picos,
    credits: sum.credits + row.credits,
  };
}

/** A cap this many times higher than the lines would flatten them. */
const FAR_TIMES = 20n;

export function isFarAbove(cap, { running, forecast }) {
  const drawn = [...running, ...(forecast?.high ?? [])].filter((picos) => picos !== null);
  const highest = drawn.reduce((most, picos) => (picos > most ? picos : most), 0n);
  return cap !== null && cap > highest * FAR_TIMES;
}
