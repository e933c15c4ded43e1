/** What is shown, in the page's address: to keep, to send, and to go back to. The key is never part of it. */
import { isDay, isMonth } from './calendar.js';

const GROUPS = ['model', 'project'];
const MEASURES = ['cost', 'tokens', 'requests'];

/** What an address says; what it leaves out or says wrong is left to its default (null: the current month, the first entity). */
export function readAddress(search) {
  const query = new URLSearchParams(search);
  const [from, to] = [query.get('from') ?? '', query.get('to') ?? ''];
  const hasRange = isDay(from) && isDay(to) && from <= to;
  const month = query.get('month') ?? '';
  const day = query.get('day') ?? '';
  return {
    entity: query.get('entity'),
    month: isMonth(month) && !hasRange ? month : null,
    from: hasRange ? from : null,
    to: hasRange ? to : null,
    by: oneOf(GROUPS, query.get('by')),
    show: oneOf(MEASURES, query.get('show')),
    day: isDay(day) ? day : null,
  };
}

export function writeAddress(view) {
  const query = new URLSearchParams();
  for (const name of ['entity', 'month', 'from', 'to', 'day']) if (view[name]) query.set(name, view[name]);
  if (view.by !== GROUPS[0]) query.set('by', view.by);
  if (view.show !== MEASURES[0]) query.set('show', view.show);
  return `?${query}`;
}

function oneOf(allowed, value) {
  return allowed.includes(value) ? value : allowed[0];
}
