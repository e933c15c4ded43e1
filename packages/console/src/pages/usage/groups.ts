/** The explorer's rows and the series of its chart, from one answer of the API. Pure. */
import type { Measure } from '../../parts/words.js';
import { METERS, tokensAmong, type Quantities } from '../../parts/meters.js';
import { picosOf } from '../../parts/money.js';

export type ApiRow = {
  readonly start_time?: number | undefined;
  readonly requests: number | null;
  readonly cost_usd: string;
  readonly quantities: Quantities;
  readonly unpriced_meters: readonly string[];
  readonly [group: string]: unknown;
};

export type GroupRow = {
  readonly key: string;
  /** A value for each group; null for usage that has none. */
  readonly names: readonly (string | null)[];
  readonly picos: bigint;
  readonly tokens: number;
  readonly requests: number | null;
  readonly quantities: Quantities;
  readonly isWaiting: boolean;
  /** By the start of the bucket: the measure that is drawn. */
  readonly buckets: ReadonlyMap<number, bigint>;
};

type Building = { -readonly [K in keyof GroupRow]: GroupRow[K] } & {
  quantities: Record<string, number>;
  buckets: Map<number, bigint>;
};

export function groupRows(data: readonly ApiRow[], groups: readonly string[], show: Measure): GroupRow[] {
  const rows = new Map<string, Building>();
  for (const each of data) {
    const names = groups.map((group) => (each[group] ?? null) as string | null);
    const key = JSON.stringify(names);
    const held = rows.get(key) ?? empty(key, names, each.requests === null);
    rows.set(key, held);
    addTo(held, each, show);
  }
  return [...rows.values()].sort(byMeasure(show));
}

function empty(key: string, names: readonly (string | null)[], hasNoRequests: boolean): Building {
  const requests = hasNoRequests ? null : 0;
  return { key, names, picos: 0n, tokens: 0, requests, quantities: {}, isWaiting: false, buckets: new Map() };
}

function addTo(row: Building, each: ApiRow, show: Measure): void {
  const [picos, tokens] = [picosOf(each.cost_usd), tokensAmong(each.quantities)];
  row.picos += picos;
  row.tokens += tokens;
  if (row.requests !== null) row.requests += each.requests ?? 0;
  addQuantities(row.quantities, each.quantities);
  row.isWaiting ||= each.unpriced_meters.length > 0;
  if (each.start_time === undefined) return;
  const drawn = show === 'cost' ? picos : BigInt(show === 'tokens' ? tokens : (each.requests ?? 0));
  row.buckets.set(each.start_time, (row.buckets.get(each.start_time) ?? 0n) + drawn);
}

function addQuantities(sum: Record<string, number>, added: Quantities): void {
  for (const meter in added) sum[meter] = (sum[meter] ?? 0) + (added[meter] ?? 0);
}

export function measureOfRow(row: Pick<GroupRow, 'picos' | 'tokens' | 'requests'>, show: Measure): bigint {
  if (show === 'cost') return row.picos;
  return BigInt(show === 'tokens' ? row.tokens : (row.requests ?? 0));
}

function byMeasure(show: Measure) {
  return (a: GroupRow, b: GroupRow) => {
    const difference = measureOfRow(b, show) - measureOfRow(a, show);
    return difference === 0n ? (a.key < b.key ? -1 : 1) : difference > 0n ? 1 : -1;
  };
}

/** Rows in one: the others, or the total. */
export function sumRows(rows: readonly GroupRow[], names: readonly (string | null)[]): GroupRow {
  const buckets = new Map<number, bigint>();
  for (const row of rows)
    for (const [at, value] of row.buckets) buckets.set(at, (buckets.get(at) ?? 0n) + value);
  const quantities: Record<string, number> = {};
  for (const row of rows) addQuantities(quantities, row.quantities);
  const isWithoutRequests = rows.some(({ requests }) => requests === null);
  return {
    key: '',
    names,
    picos: rows.reduce((sum, { picos }) => sum + picos, 0n),
    tokens: rows.reduce((sum, { tokens }) => sum + tokens, 0),
    requests: isWithoutRequests ? null : rows.reduce((sum, { requests }) => sum + (requests ?? 0), 0),
    quantities,
    isWaiting: rows.some(({ isWaiting }) => isWaiting),
    buckets,
  };
}

/** A meter by its label, anything else as it is. */
export function nameIn(field: string, name: string | null): string {
  if (name === null) return '(none)';
  return field === 'meter' ? (METERS[name]?.label ?? name) : name;
}

export function isFound(row: GroupRow, groups: readonly string[], search: string): boolean {
  const text = row.names.map((name, at) => nameIn(groups[at] ?? '', name)).join(' ');
  return text.toLowerCase().includes(search.toLowerCase());
}

const WIDTH_SECONDS = { '1h': 3_600, '1d': 86_400 } as const;

/** The start of every bucket of a range, also of those without usage. */
export function bucketStarts(range: { start: number; end: number }, width: '1h' | '1d' | '1mo'): number[] {
  const starts: number[] = [];
  for (let at = range.start; at < range.end; at = next(at, width)) starts.push(at);
  return starts;
}

function next(at: number, width: '1h' | '1d' | '1mo'): number {
  if (width !== '1mo') return at + WIDTH_SECONDS[width];
  const day = new Date(at * 1_000);
  return Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 1) / 1_000;
}
