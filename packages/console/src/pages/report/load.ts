/** Asks for everything that the report shows of a range, as one query: a later range never shows an earlier one's answer. */
import { queryOptions, type QueryClient } from '@tanstack/react-query';
import { reading, type Schemas } from '../../api/client.js';
import { rangeOf, secondsOfDay, type View } from '../../parts/calendar.js';
import type { Loaded } from './compute.js';
import { paceRange } from './credits.js';

/** Null in `view` stands for the current month. */
export function reportQuery(queries: QueryClient, entity: string, view: View | null) {
  return queryOptions({
    queryKey: ['report', entity, view] as const,
    queryFn: () => loadReport(queries, entity, view),
  });
}

async function loadReport(queries: QueryClient, entity: string, view: View | null): Promise<Loaded> {
  const path = { entity };
  const balance = await queries.fetchQuery(reading('/v1/entities/{entity}/balance', { params: { path } }));
  const range = rangeOf(view ?? { month: balance.period }, balance.as_of);
  const bounds = (of: { start: string; end: string }) => ({
    start_time: secondsOfDay(of.start),
    end_time: secondsOfDay(of.end),
  });
  const activityOf = (of: { start: string; end: string }) =>
    queries.fetchQuery(reading('/v1/entities/{entity}/activity', { params: { path, query: bounds(of) } }));
  const usageOf = (query: { start_time: number; end_time: number }) =>
    queries.fetchQuery(reading('/v1/entities/{entity}/usage', { params: { path, query } }));
  const [activity, earlier, usage, pace, forecast, customer, denials] = await Promise.all([
    activityOf(range),
    activityOf(range.before),
    usageOf(bounds(range)),
    usageOf(paceRange(balance.as_of)),
    range.isCurrentMonth
      ? queries.fetchQuery(reading('/v1/entities/{entity}/forecast', { params: { path } }))
      : null,
    customerOf(queries, entity),
    queries.fetchQuery(reading('/v1/entities/{entity}/denials', { params: { path, query: { limit: 20 } } })),
  ]);
  return { range, balance, activity, earlier, usage, pace, forecast, customer, denials };
}

/** The customer's state, as the list of customers shows it. */
async function customerOf(queries: QueryClient, entity: string): Promise<Schemas['Customer'] | null> {
  const query = { search: entity, limit: 100 };
  const { data } = await queries.fetchQuery(reading('/v1/entities', { params: { query } }));
  return data.find((each) => each.entity === entity) ?? null;
}
