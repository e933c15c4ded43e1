/** What the list of events asks the API for, from its address. Pure. */
import { addDays, secondsOfDay } from '../../parts/calendar.js';
import { queryOf, readFilters } from '../usage/filters.js';

type EventsSearch = {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly filters?: string | undefined;
  readonly without?: string | undefined;
  readonly period?: string | undefined;
  readonly rate?: string | undefined;
  readonly price?: string | undefined;
  readonly kind?: 'event_id' | 'request_id' | 'reservation_id' | undefined;
  readonly id?: string | undefined;
};

export function eventsQuery(search: EventsSearch) {
  const { from, to, without, period, rate, price, kind = 'event_id', id } = search;
  return {
    ...queryOf(readFilters(search.filters)),
    ...(without !== undefined && { without: without.split(',') }),
    ...(from !== undefined && { start_time: secondsOfDay(from) }),
    ...(to !== undefined && { end_time: secondsOfDay(addDays(to, 1)) }),
    ...(period !== undefined && { period }),
    ...(rate !== undefined && { rate }),
    ...(price !== undefined && { price }),
    ...(id !== undefined && { [kind]: id }),
  };
}

/** The page's address of the events behind an address of the API, such as that of a statement's line. */
export function searchOfUrl(url: string): EventsSearch {
  const query = new URL(url, 'http://tally').searchParams;
  const fields = new URLSearchParams();
  for (const [name, value] of query)
    if (['project', 'model', 'meter', 'service_tier', 'operation'].includes(name)) fields.append(name, value);
  const filters = fields.toString();
  return {
    period: query.get('period') ?? undefined,
    rate: query.get('rate') ?? undefined,
    price: query.get('price') ?? undefined,
    filters: filters === '' ? undefined : filters,
  };
}
