/** The row of controls. It shows the view, and what a person changes in it changes the view. */
import { NO_EVENTS } from './address.js';
import { addDays, addMonths, monthName } from './calendar.js';
import { byId, fill, make, setHidden } from './dom.js';

const MONTHS_BACK = 24;
const RANGE_DAYS_MAX = 366;

export function listenToControls(page, go) {
  const toMonth = (month) => go({ month, from: null, to: null, ...NO_EVENTS });
  const step = (count) => toMonth(addMonths(shownMonth(page), count));
  byId('entity').addEventListener('change', ({ target }) => go({ entity: target.value, ...NO_EVENTS }));
  byId('month').addEventListener('change', ({ target }) => toMonth(target.value));
  byId('month-before').addEventListener('click', () => step(-1));
  byId('month-after').addEventListener('click', () => step(1));
  byId('apply-range').addEventListener('click', () => applyRange(go));
  for (const name of ['by', 'show'])
    byId(name).addEventListener('change', ({ target }) => go({ [name]: target.value }));
  byId('controls').addEventListener('submit', (event) => event.preventDefault());
}

export function showControls({ view, entities, report }) {
  const current = report.balance.period;
  setHidden('entity-field', entities.length < 2);
  setHidden('entity-name', entities.length > 1);
  fill('entity-name', view.entity);
  fill(
    'entity',
    ...entities.map((name) => make('option', { value: name, selected: name === view.entity }, name)),
  );
  fill('month', ...monthOptions(view, current, report.range));
  byId('month-after').disabled = report.range.start.slice(0, 7) >= current;
  byId('from').value = report.range.start;
  byId('to').value = addDays(report.range.end, -1);
  for (const name of ['by', 'show']) byId(name).querySelector(`[value="${view[name]}"]`).checked = true;
}

function monthOptions(view, current, range) {
  const shown = view.from === null ? range.start.slice(0, 7) : null;
  const months = Array.from({ length: MONTHS_BACK }, (_, index) => addMonths(current, -index));
  const others = shown === null || months.includes(shown) ? [] : [shown];
  const days =
    view.from === null ? [] : [make('option', { value: '', selected: true, disabled: true }, range.name)];
  const option = (month) => make('option', { value: month, selected: month === shown }, monthName(month));
  return [...days, ...[...others, ...months].map(option)];
}

function shownMonth({ report }) {
  return report.range.start.slice(0, 7);
}

function applyRange(go) {
  const [from, to] = [byId('from').value, byId('to').value];
  const problem = rangeProblem(from, to);
  fill('range-error', problem);
  if (problem !== '') return;
  byId('range').open = false;
  go({ from, to, month: null, ...NO_EVENTS });
}

function rangeProblem(from, to) {
  if (from === '' || to === '') return 'Choose a first and a last day.';
  if (from > to) return 'The last day lies before the first.';
  return addDays(from, RANGE_DAYS_MAX) <= to ? `At most ${RANGE_DAYS_MAX} days at once.` : '';
}
