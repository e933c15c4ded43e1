/** Loads what forecasts are computed from: the daily costs of the last weeks, and the room that caps and credits leave. */
import type { BalanceRow } from '../accounts/balances.js';
import { DAY_MS } from '../domain/buckets.js';
import { periodOf } from '../domain/period.js';
import type { Tx } from '../platform/database.js';
import { findCappedProjects, findFirstHours, sumDailyCosts, type DailyCost } from './forecast-inputs.sql.js';
import { forecast, HISTORY_DAYS, type Forecast, type SpendSeries } from './forecast.js';

export type Spender = Pick<
  BalanceRow,
  'monthPicos' | 'yearPicos' | 'creditsPicos' | 'monthlyCapPicos' | 'yearlyCapPicos' | 'overage'
> & { readonly entity: string };

/** By entity, from the caller's snapshot. Those with less than three days of data have none. */
export async function forecastsOf(
  tx: Tx,
  { at, spenders }: { at: Date; spenders: readonly Spender[] },
): Promise<Map<string, Forecast>> {
  const entities = spenders.map(({ entity }) => entity);
  const today = Math.floor(at.getTime() / DAY_MS);
  const range = { start: new Date((today - HISTORY_DAYS) * DAY_MS), end: new Date(today * DAY_MS) };
  const firstHours = new Map(
    (await findFirstHours(tx, { entities })).map(({ entity, hour }) => [entity, hour]),
  );
  const costs = byEntity(await sumDailyCosts(tx, { entities, range }));
  const capped = byEntity(await findCappedProjects(tx, { entities, period: periodOf(at) }));
  const forecasts = spenders.flatMap((spender): [string, Forecast][] => {
    const { entity, monthPicos: monthToDatePicos } = spender;
    const firstHour = firstHours.get(entity);
    if (firstHour === undefined) return [];
    const firstDay = Math.max(today - HISTORY_DAYS, Math.floor(firstHour.getTime() / DAY_MS));
    const days = { firstDay, daysCount: today - firstDay };
    const daily = (project: string | null) => dailyOf(costs.get(entity) ?? [], project, days);
    const series: SpendSeries[] = [
      { dailyPicos: daily(null), roomPicos: null },
      ...(capped.get(entity) ?? []).map(({ project, roomPicos }) => ({
        dailyPicos: daily(project),
        roomPicos,
      })),
    ];
    const found = forecast({ at, monthToDatePicos, roomPicos: roomOf(spender), series });
    return found === null ? [] : [[entity, found]];
  });
  return new Map(forecasts);
}

function byEntity<Row extends { readonly entity: string }>(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.entity);
    if (group === undefined) groups.set(row.entity, [row]);
    else group.push(row);
  }
  return groups;
}

/** Each day's cost, oldest first; a day without usage is a zero. */
function dailyOf(
  costs: readonly DailyCost[],
  project: string | null,
  { firstDay, daysCount }: { firstDay: number; daysCount: number },
): bigint[] {
  const daily = Array.from({ length: Math.max(daysCount, 0) }, () => 0n);
  for (const cost of costs) if (cost.project === project) daily[cost.day - firstDay] = cost.costPicos;
  return daily;
}

/** The least that the month's cap, the year's cap and, where overage is blocked, the credits leave. */
function roomOf(spender: Spender): bigint | null {
  const rooms = [
    spender.monthlyCapPicos === null ? [] : [spender.monthlyCapPicos - spender.monthPicos],
    spender.yearlyCapPicos === null ? [] : [spender.yearlyCapPicos - spender.yearPicos],
    spender.overage === 'allowed' ? [] : [spender.creditsPicos],
  ].flat();
  return rooms.length === 0 ? null : rooms.reduce((a, b) => (a < b ? a : b));
}
