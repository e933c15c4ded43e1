/** Which turns of time a jump of the clock passes. */
import { DAY_MS, graceEnd, HOUR_MS, monthOf, monthStart } from './calendar.js';

export const TURNS = [
  'hour',
  'month',
  'year',
  'leap day',
  'end of a grace',
  'edge to the millisecond',
] as const;

export type Turn = (typeof TURNS)[number];

export function turnsBetween(fromMs: number, toMs: number): Turn[] {
  const months: number[] = [];
  for (let start = monthStart(fromMs); start <= toMs; start = monthStart(start, 1)) months.push(start);
  const passes = (ms: number) => fromMs < ms && ms <= toMs;
  const found: Record<Turn, boolean> = {
    hour: Math.floor(fromMs / HOUR_MS) < Math.floor(toMs / HOUR_MS),
    month: months.some(passes),
    year: monthOf(fromMs).slice(0, 4) !== monthOf(toMs).slice(0, 4),
    'leap day': months.some((start) => hasLeapDay(start) && passes(start + 28 * DAY_MS)),
    'end of a grace': months.some((start) => passes(graceEnd(start))),
    'edge to the millisecond': months.some((start) =>
      [start, graceEnd(start)].some((ms) => Math.abs(toMs - ms) <= 1),
    ),
  };
  return TURNS.filter((turn) => found[turn]);
}

/** The 29th of February begins 28 days after the month. */
function hasLeapDay(monthMs: number): boolean {
  const day = new Date(monthMs + 28 * DAY_MS);
  return day.getUTCMonth() === 1 && day.getUTCDate() === 29;
}
