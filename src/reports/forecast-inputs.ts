/** Loads what a forecast is computed from: the daily costs of the last weeks, and the room that caps and credits leave. */
import type { BalanceRow, ProjectBalanceRow } from '../accounts/balances.js';
import { DAY_MS } from '../domain/buckets.js';
import type { EntityName } from '../domain/ids.js';
import type { Tx } from '../platform/database.js';
import { sumDailyCosts, type DailyCost } from './forecast-inputs.sql.js';
import { forecast, HISTORY_DAYS, type Forecast, type SpendSeries } from './forecast.js';

type EntityAt = {
  readonly entity: EntityName;
  readonly at: Date;
  readonly balance: BalanceRow;
  /** All of the entity's. */
  readonly projects: readonly ProjectBalanceRow[];
};

/** The balances are of the same snapshot. Null with less than three days of data. */
export async function forecastOf(tx: Tx, of: EntityAt): Promise<Forecast | null> {
  const { entity, at, balance, projects } = of;
  const today = Math.floor(at.getTime() / DAY_MS);
  const first = await tx.usageHourly.findFirst({
    where: { entity },
    orderBy: { hour: 'asc' },
    select: { hour: true },
  });
  if (first === null) return null;
  const firstDay = Math.max(today - HISTORY_DAYS, Math.floor(first.hour.getTime() / DAY_MS));
  const range = { start: new Date(firstDay * DAY_MS), end: new Date(today * DAY_MS) };
  const costs = await sumDailyCosts(tx, { entity, range });
  const days = { firstDay, daysCount: today - firstDay };
  const capped = projects.flatMap(({ project, monthPicos, monthlyCapPicos: cap }) =>
    cap === null ? [] : [{ dailyPicos: dailyOf(costs, project, days), roomPicos: cap - monthPicos }],
  );
  const series: SpendSeries[] = [{ dailyPicos: dailyOf(costs, null, days), roomPicos: null }, ...capped];
  return forecast({ at, monthToDatePicos: balance.monthPicos, roomPicos: roomOf(balance), series });
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
function roomOf(balance: BalanceRow): bigint | null {
  const rooms = [
    balance.monthlyCapPicos === null ? [] : [balance.monthlyCapPicos - balance.monthPicos],
    balance.yearlyCapPicos === null ? [] : [balance.yearlyCapPicos - balance.yearPicos],
    balance.overage === 'allowed' ? [] : [balance.creditsPicos],
  ].flat();
  return rooms.length === 0 ? null : rooms.reduce((a, b) => (a < b ? a : b));
}
