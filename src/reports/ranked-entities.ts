/**
 * The list of entities in an order that Postgres does not know: by what requests in flight hold and which were denied, which Redis counts, and by
 * forecasts, which are computed. Every entity that the filter admits is loaded and ranked for each page, so their number is bounded. Pure.
 */
import { TallyError } from '../domain/errors.js';
import type { EntityLoad } from '../quota/entity-loads.js';
import type { Forecast } from './forecast.js';
import type { VisibleRow } from './visible-entities.sql.js';

export const RANKED_SORTS = ['held_usd', 'denied_requests', 'forecast_usd'] as const;
export type RankedSort = (typeof RANKED_SORTS)[number];

/** 5,000 take three commands of Redis each, and 28 days of roll-ups. */
export const RANKED_MAX = 5_000;

export function isRankedSort(sort: string): sort is RankedSort {
  return (RANKED_SORTS as readonly string[]).includes(sort);
}

export function tooManyToRank(): TallyError {
  return new TallyError(
    'invalid_request',
    `sort: more than ${RANKED_MAX} entities match, which is too many for this order: narrow search, plan or state, or sort by another field`,
    { param: 'sort' },
  );
}

type Found = {
  readonly rows: readonly VisibleRow[];
  readonly forecasts: ReadonlyMap<string, Forecast>;
  readonly loads: ReadonlyMap<string, EntityLoad> | null;
};

type Ranking = { readonly sort: RankedSort; readonly isDescending: boolean };
type Ranked = { readonly row: VisibleRow; readonly value: bigint | null };

/** In the order, those behind the row of `last`. Equals are ordered by name, and what has no value comes last. */
export function rankedBehind(found: Found, last: Found | null, ranking: Ranking): VisibleRow[] {
  const [behind] = last === null ? [] : last.rows.map((row) => rankedOf(last, row, ranking.sort));
  return found.rows
    .map((row) => rankedOf(found, row, ranking.sort))
    .filter((ranked) => behind === undefined || compare(ranked, behind, ranking) > 0)
    .toSorted((a, b) => compare(a, b, ranking))
    .map(({ row }) => row);
}

function rankedOf({ forecasts, loads }: Found, row: VisibleRow, sort: RankedSort): Ranked {
  return { row, value: valueOf(sort, loads?.get(row.entity), forecasts.get(row.entity)) };
}

function valueOf(
  sort: RankedSort,
  load: EntityLoad | undefined,
  forecast: Forecast | undefined,
): bigint | null {
  if (sort === 'forecast_usd') return forecast?.forecastPicos ?? null;
  if (load === undefined) return null;
  return sort === 'held_usd' ? load.heldPicos : BigInt([...load.denied.values()].reduce((a, b) => a + b, 0));
}

function compare(a: Ranked, b: Ranked, { isDescending }: Ranking): number {
  if (a.value !== b.value) {
    if (a.value === null) return 1;
    if (b.value === null) return -1;
    return a.value < b.value === isDescending ? 1 : -1;
  }
  return a.row.entity === b.row.entity ? 0 : a.row.entity < b.row.entity ? -1 : 1;
}
