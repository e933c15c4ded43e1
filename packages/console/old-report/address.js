/** Keeps what is shown in the page's address, so that a view can be bookmarked, sent, and returned to. The key is never in it. */
import { isDay, isMonth } from './calendar.js';

const GROUPS = ['model', 'project'];
const MEASURES = ['cost', 'tokens', 'requests'];

/** The view that an address names. What is missing or wrong has its default; null stands for the current month and the first entity. */
export function readAddress(search) {
  const query = new URLSearchParams(search);
  const [from, to] = [query.get('from') ?? '', query.get('to') ?? ''];
  const hasRange = isDay(from) && isDay(to) && from <= to;
  const month = query.get('month') ?? '';
  const day = query.get('day') ?? '';
  const [project, model] = [query.get('project'), query.get('model')];
  const hasRow = project !== null && model !== null;
  return {
    entity: query.get('entity'),
    month: isMonth(month) && !hasRange ? month : null,
    from: hasRange ? from : null,
    to: hasRange ? to : null,
    by: oneOf(GROUPS, query.get('by')),
    show: oneOf(MEASURES, query.get('show')),
    day: isDay(day) ? day : null,
    project: hasRow ? project : null,
    model: hasRow ? model : null,
  };
}

/** Whether the dialog with the events of a day or a row is open. */
export function showsEvents({ day, project }) {
  return day !== null || project !== null;
}

/** The change of a view that closes it. */
export const NO_EVENTS = { day: null, project: null, model: null };

export function writeAddress(view) {
  const query = new URLSearchParams();
  for (const name of ['entity', 'month', 'from', 'to', 'day', 'project', 'model'])
    if (view[name]) query.set(name, view[name]);
  if (view.by !== GROUPS[0]) query.set('by', view.by);
  if (view.show !== MEASURES[0]) query.set('show', view.show);
  return `?${query}`;
}

function oneOf(allowed, value) {
  return allowed.includes(value) ? value : allowed[0];
}
