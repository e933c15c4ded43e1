/** Sums of daily rows: by group and day, by project and model. Pure. */
import { eachDay } from '../../parts/calendar.js';
import type { Measure } from '../../parts/words.js';
import { addOthers, METERS, othersOf, tokensAmong, type Quantities } from '../../parts/meters.js';
import { picosOf } from '../../parts/money.js';

/** The largest groups are shown; the others are one group, the tail. */
const GROUPS_SHOWN = 6;

/** The tail's name, which no project and no model has. */
export const TAIL = '';

/** `output` holds the reasoning, `others` the quantities of all other meters. */
export type Sum = {
  readonly requests: number;
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly others: Quantities;
  readonly picos: bigint;
  readonly credits: bigint;
};
export type DayRow = Sum & { readonly day: string; readonly project: string; readonly model: string };
/** `now` and `earlier` are the costs of the compared days. */
export type TableRow = Sum & {
  readonly project: string;
  readonly model: string;
  readonly now: bigint;
  readonly earlier: bigint;
};
export type Group = {
  readonly name: string;
  readonly isTail: boolean;
  readonly count: number;
  readonly total: Sum;
  readonly days: readonly Sum[];
};
export type Daily = {
  readonly days: readonly string[];
  readonly groups: readonly Group[];
  readonly totals: readonly Sum[];
};

export const EMPTY: Sum = { requests: 0, input: 0, cached: 0, output: 0, others: {}, picos: 0n, credits: 0n };

type ApiDay = {
  readonly day: string;
  readonly project: string;
  readonly model: string;
  readonly requests: number;
  readonly input_tokens: number;
  readonly cached_input_tokens: number;
  readonly output_tokens: number;
  readonly quantities: Quantities;
  readonly cost_usd: string;
  readonly credits_usd: string;
};

/** The API's rows, with amounts read. */
export function readDays(days: readonly ApiDay[]): DayRow[] {
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

export function total(rows: readonly Sum[]): Sum {
  return rows.reduce(add, EMPTY);
}

export function tokensOf(sum: Sum): number {
  return sum.input + sum.cached + sum.output + tokensAmong(sum.others);
}

/** The meters beside the usual ones that some row has, in the order of bills. */
export function othersUsed(rows: readonly Sum[]): string[] {
  const used = new Set(rows.flatMap((row) => Object.keys(row.others)));
  return Object.keys(METERS).filter((meter) => used.has(meter));
}

type MeterRow = {
  readonly quantities: Quantities;
  readonly meter_costs_usd: Readonly<Record<string, string>>;
  readonly unpriced_meters: readonly string[];
};
export type MeterSum = {
  readonly meter: string;
  readonly quantity: number;
  readonly picos: bigint;
  readonly isWaiting: boolean;
};

/** What each meter counted and cost, in the order of bills. `rows` are the API's, by project and model. */
export function byMeter(rows: readonly MeterRow[]): MeterSum[] {
  return Object.keys(METERS).flatMap((meter) => {
    const having = rows.filter(({ quantities }) => quantities[meter]);
    if (having.length === 0) return [];
    return {
      meter,
      quantity: having.reduce((sum, row) => sum + (row.quantities[meter] ?? 0), 0),
      picos: having.reduce((sum, row) => sum + picosOf(row.meter_costs_usd[meter] ?? '0'), 0n),
      isWaiting: having.some((row) => row.unpriced_meters.includes(meter)),
    };
  });
}

/** The measure that is shown, as an exact integer: picodollars, tokens or requests. */
export function measureOf(sum: Sum, show: Measure): bigint {
  if (show === 'cost') return sum.picos;
  return BigInt(show === 'tokens' ? tokensOf(sum) : sum.requests);
}

type DailyOptions = {
  readonly by: 'model' | 'project';
  readonly show: Measure;
  readonly start: string;
  readonly end: string;
};

/** Days × groups: the largest groups by the measure, then the tail, with every day of the range, even those without usage. */
export function byDay(rows: readonly DayRow[], { by, show, start, end }: DailyOptions): Daily {
  const ranked = [...sumBy(rows, (row) => row[by])].sort(([aName, a], [bName, b]) => {
    const difference = measureOf(b, show) - measureOf(a, show);
    return difference === 0n ? (aName < bName ? -1 : 1) : difference > 0n ? 1 : -1;
  });
  // A tail of one group is shown under the group's own name.
  const shown = ranked.length <= GROUPS_SHOWN + 1 ? ranked.length : GROUPS_SHOWN;
  const names = new Set(ranked.slice(0, shown).map(([name]) => name));
  const nameOf = (row: DayRow) => (names.has(row[by]) ? row[by] : TAIL);
  const cells = sumBy(rows, (row) => `${row.day}\n${nameOf(row)}`);
  const totals = sumBy(rows, (row) => row.day);
  const days = eachDay(start, end);
  const groups = [...names, ...(ranked.length > shown ? [TAIL] : [])].map((name) => ({
    name,
    isTail: !names.has(name),
    count: names.has(name) ? 1 : ranked.length - shown,
    total: total(rows.filter((row) => nameOf(row) === name)),
    days: days.map((day) => cells.get(`${day}\n${name}`) ?? EMPTY),
  }));
  return { days, groups, totals: days.map((day) => totals.get(day) ?? EMPTY) };
}

export type Compared = {
  readonly complete: { readonly start: string; readonly end: string };
  readonly before: { readonly rows: readonly DayRow[]; readonly comparedEnd: string };
};

/** Project × model, each with its cost in the compared days and in the days before them. */
export function byProjectAndModel(rows: readonly DayRow[], { complete, before }: Compared): TableRow[] {
  const key = (row: DayRow) => `${row.project}\n${row.model}`;
  const now = sumBy(
    rows.filter((row) => row.day >= complete.start && row.day < complete.end),
    key,
  );
  const earlier = sumBy(
    before.rows.filter((row) => row.day < before.comparedEnd),
    key,
  );
  return [...sumBy(rows, key)].map(([name, sum]) => {
    const [project = '', model = ''] = name.split('\n');
    return {
      project,
      model,
      ...sum,
      now: now.get(name)?.picos ?? 0n,
      earlier: earlier.get(name)?.picos ?? 0n,
    };
  });
}

/** The table's rows by project or by model alone; the other name is empty. */
export function foldRows(rows: readonly TableRow[], by: 'project_model' | 'project' | 'model'): TableRow[] {
  if (by === 'project_model') return [...rows];
  const folded = new Map<string, TableRow>();
  for (const row of rows) {
    const held = folded.get(row[by]);
    const names = { project: by === 'project' ? row.project : '', model: by === 'model' ? row.model : '' };
    folded.set(row[by], held === undefined ? { ...row, ...names } : addTableRows(held, row));
  }
  return [...folded.values()];
}

function addTableRows(a: TableRow, b: TableRow): TableRow {
  return { ...a, ...add(a, b), now: a.now + b.now, earlier: a.earlier + b.earlier };
}

/** Running sums of cost up to and including today; later days have none. */
export function runningPicos(daily: Pick<Daily, 'days' | 'totals'>, today: string): (bigint | null)[] {
  let sum = 0n;
  return daily.days.map((day, index) => (day > today ? null : (sum += daily.totals[index]?.picos ?? 0n)));
}

function sumBy<T extends Sum>(rows: readonly T[], keyOf: (row: T) => string): Map<string, Sum> {
  const sums = new Map<string, Sum>();
  for (const row of rows) sums.set(keyOf(row), add(sums.get(keyOf(row)) ?? EMPTY, row));
  return sums;
}

function add(sum: Sum, row: Sum): Sum {
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

type Lines = {
  readonly running: readonly (bigint | null)[];
  readonly forecast: { readonly high: readonly (bigint | null)[] } | null;
};

export function isFarAbove(cap: bigint | null, { running, forecast }: Lines): boolean {
  const drawn = [...running, ...(forecast?.high ?? [])].filter((picos) => picos !== null);
  const highest = drawn.reduce((most, picos) => (picos > most ? picos : most), 0n);
  return cap !== null && cap > highest * FAR_TIMES;
}
