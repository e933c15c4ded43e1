/** Loads what a forecast is made of, in the caller's snapshot. */
import { DAY_MS } from '../domain/buckets.js';
import { assert } from '../domain/errors.js';
import type { EntityName } from '../domain/ids.js';
import type { QuotaState } from '../domain/quota-rules.js';
import type { ProjectBalanceRow } from '../accounts/balances.js';
import { findFirstUsageHour, sumDailyCosts, type DailyCost } from './daily-costs.sql.js';
import type { Tx } from '../platform/database.js';
import { loadQuotaStates } from '../quota/quota-state.sql.js';
import { forecast, HISTORY_DAYS, type Forecast, type SpendSeries } from './forecast.js';

/** `projects` are all of the entity's at that time. Null where there are less than three days of data. */
export async function findForecast(
  tx: Tx,
  of: { entity: EntityName; at: Date; projects: readonly ProjectBalanceRow[] },
): Promise<Forecast | null> {
  const { entity, at, projects } = of;
  const today = Math.floor(at.getTime() / DAY_MS);
  const first = await findFirstUsageHour(tx, entity);
  if (first === null) return null;
  const firstDay = Math.max(today - HISTORY_DAYS, Math.floor(first.getTime() / DAY_MS));
  const range = { start: new Date(firstDay * DAY_MS), end: new Date(today * DAY_MS) };
  const costs = await sumDailyCosts(tx, { entity, range });
  const [state] = await loadQuotaStates(tx, { subjects: [{ entity, project: null }], at });
  assert(state !== undefined, 'every entity has a state');
  const days = { firstDay, daysCount: today - firstDay };
  const capped = projects.flatMap(({ project, monthPicos, monthlyCapPicos: cap }) =>
    cap === null ? [] : [{ dailyPicos: dailyOf(costs, project, days), roomPicos: cap - monthPicos }],
  );
  const series: SpendSeries[] = [{ dailyPicos: dailyOf(costs, null, days), roomPicos: null }, ...capped];
  return forecast({ at, monthToDatePicos: state.monthCostPicos, roomPicos: roomOf(state), series });
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

/** What the month's cap, the year's and, where overage is blocked, the credits leave: the least of them. */
function roomOf(state: QuotaState): bigint | null {
  const rooms = [
    state.monthlyCapPicos === null ? [] : [state.monthlyCapPicos - state.monthCostPicos],
    state.yearlyCapPicos === null ? [] : [state.yearlyCapPicos - state.yearCostPicos],
    state.overage === 'allowed' ? [] : [state.creditsPicos],
  ].flat();
  return rooms.length === 0 ? null : rooms.reduce((a, b) => (a < b ? a : b));
}
