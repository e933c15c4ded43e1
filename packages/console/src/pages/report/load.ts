/** Asks for everything that the report shows of a range, as one query: a later range never shows an earlier one's answer. */
import { queryOptions } from '@tanstack/react-query';
import { reading } from '../../api/client.js';
import { queries } from '../../api/queries.js';
import { rangeOf, secondsOfDay, type View } from '../../parts/calendar.js';
import { nowSeconds, periodAt } from '../../parts/times.js';
import type { Loaded } from './compute.js';
import { paceRange } from './pace.js';

/** What the address asks for; null is the current month. */
export function viewOf(of: { month?: string; from?: string; to?: string }): View | null {
  if (of.from !== undefined && of.to !== undefined && of.from <= of.to) return { from: of.from, to: of.to };
  return of.month === undefined ? null : { month: of.month };
}

export function reportQuery(entity: string, view: View | null) {
  return queryOptions({
    queryKey: ['report', entity, view] as const,
    queryFn: () => loadReport(entity, view),
  });
}

async function loadReport(entity: string, view: View | null): Promise<Loaded> {
  const params = { path: { entity } };
  const balanceCall = queries.fetchQuery(reading('/v1/entities/{entity}/balance', { params }));
  // By this browser's clock, so that nothing waits for the balance, which has the server's: mostly they agree, and every answer is there.
  const now = nowSeconds();
  const atOnce = callsOf(entity, view ?? { month: periodAt(now) }, now);
  void Promise.allSettled(Object.values(atOnce.calls));
  const balance = await balanceCall;
  const { range, calls } = callsOf(entity, view ?? { month: balance.period }, balance.as_of);
  const [activity, earlier, usage, pace, forecast, customer, denials] = await Promise.all([
    calls.activity,
    calls.earlier,
    calls.usage,
    calls.pace,
    calls.forecast,
    calls.customer,
    calls.denials,
  ]);
  return { range, balance, activity, earlier, usage, pace, forecast, customer, denials };
}

function callsOf(entity: string, view: View, asOf: number) {
  const path = { entity };
  const range = rangeOf(view, asOf);
  const bounds = (of: { start: string; end: string }) => ({
    start_time: secondsOfDay(of.start),
    end_time: secondsOfDay(of.end),
  });
  const activityOf = (of: { start: string; end: string }) =>
    queries.fetchQuery(reading('/v1/entities/{entity}/activity', { params: { path, query: bounds(of) } }));
  const usageOf = (query: { start_time: number; end_time: number }) =>
    queries.fetchQuery(reading('/v1/entities/{entity}/usage', { params: { path, query } }));
  const calls = {
    activity: activityOf(range),
    earlier: activityOf(range.before),
    usage: usageOf(bounds(range)),
    pace: usageOf(paceRange(asOf)),
    forecast: range.isCurrentMonth
      ? queries.fetchQuery(reading('/v1/entities/{entity}/forecast', { params: { path } }))
      : Promise.resolve(null),
    customer: queries.fetchQuery(reading('/v1/entities/{entity}', { params: { path } })),
    denials: queries.fetchQuery(
      reading('/v1/entities/{entity}/denials', { params: { path, query: { limit: 20 } } }),
    ),
  };
  return { range, calls };
}
