/** The dialog with the events behind a bar of the chart or a row of the table. */
import { ask } from './api.js';
import { addDays, secondsOf } from './calendar.js';
import { byId, fill, make, setHidden } from './dom.js';
import { eventButton } from './event-details.js';
import { METERS, othersOf } from './meters.js';
import { picosOf } from './money.js';
import { modelName, money, number, othersText, plural } from './words.js';

const PAGE = 50;
const NUMBERS = new Set(['Cost', 'Input', 'Cached input', 'Output']);

/** What the open dialog shows. An answer that arrives when it shows something else is discarded. */
let open = null;

/** `start` and `end` are days, half open; null for `project` and `model` means all. */
export async function openEvents({ entity, start, end, project, model, name }) {
  open = {
    path: `/v1/entities/${encodeURIComponent(entity)}/events`,
    start,
    end,
    project,
    model,
    rows: [],
    after: null,
  };
  const dialog = byId('events');
  const of = project === null ? 'Events' : `${project}, ${modelName(model)}: events`;
  fill('events-title', `${of} of ${name} (UTC)`);
  fill('events-table');
  setHidden('events-more', true);
  if (!dialog.open) dialog.showModal();
  await loadMore();
}

export function closeEvents() {
  open = null;
  byId('events').close();
}

/** `onClose` runs however the dialog closes: by its button, by Escape, or by the browser's back button. */
export function listen(onClose) {
  byId('events').addEventListener('close', onClose);
  byId('events-close').addEventListener('click', () => byId('events').close());
  byId('events-more').addEventListener('click', () => void loadMore());
}

async function loadMore() {
  const shown = open;
  fill('events-note', 'Loading…');
  try {
    const answer = await ask(shown.path, {
      start_time: secondsOf(shown.start),
      end_time: secondsOf(shown.end),
      project: shown.project,
      model: shown.model,
      limit: PAGE,
      after: shown.after,
    });
    if (open !== shown) return;
    shown.rows.push(...answer.data);
    shown.after = answer.last_id;
    show(shown.rows, answer.has_more);
  } catch (error) {
    if (open === shown) fill('events-note', `${error.message} Close this and try again.`);
  }
}

function show(rows, hasMore) {
  const count = plural(rows.length, 'event');
  fill('events-note', rows.length === 0 ? 'No events.' : `${count}${hasMore ? ' so far' : ''}, newest first`);
  setHidden('events-more', !hasMore);
  const hasOthers = rows.some(({ quantities }) => othersText(othersOf(quantities)) !== '');
  const columns = rows.map((event) => columnsOf(event, hasOthers));
  const heads = Object.keys(columns[0] ?? {}).map((name) =>
    make('th', { scope: 'col', class: classOf(name) }, name),
  );
  const body = columns.map((cells) =>
    make(
      'tr',
      {},
      ...Object.entries(cells).map(([name, cell]) => make('td', { class: classOf(name) }, cell)),
    ),
  );
  fill('events-table', make('thead', {}, make('tr', {}, ...heads)), make('tbody', {}, ...body));
}

/** What each column shows. Meters beside the usual ones have one where some event has them. */
function columnsOf(event, hasOthers) {
  const paid =
    event.burns.length === 0 ? 'overage' : event.overage_usd === '0' ? 'credits' : 'credits and overage';
  return {
    'Time (UTC)':
      open.end > addDays(open.start, 1)
        ? event.occurred_at.slice(0, 19).replace('T', ' ')
        : event.occurred_at.slice(11, 19),
    Project: event.project,
    Model: modelName(event.model),
    Cost: money(picosOf(event.cost_usd)),
    Input: number(event.input_tokens),
    'Cached input': number(event.cached_input_tokens),
    Output: number(event.output_tokens),
    ...(hasOthers && { 'Other meters': othersText(othersOf(event.quantities)) }),
    'Paid by': event.unpriced ? '–' : paid,
    Marks: make('span', {}, ...marksOf(event)),
    Event: eventButton(event),
  };
}

function marksOf(event) {
  const marks = [
    event.unpriced && 'no price yet',
    ...(event.unpriced ? [] : event.unpriced_meters.map((meter) => `no price yet: ${METERS[meter].label}`)),
    event.unread.length > 0 && `not read: ${event.unread.join(', ')}`,
    event.service_tier !== 'default' && `${event.service_tier} tier`,
    event.late && `late: charged to ${event.period}`,
    event.usage_source === 'estimated' && 'estimated',
    ...event.corrections.map(({ kind }) => (kind === 'void' ? 'voided' : 're-rated')),
  ].filter(Boolean);
  return marks.flatMap((mark) => [make('span', { class: 'mark' }, mark), ' ']);
}

function classOf(name) {
  if (NUMBERS.has(name)) return 'number';
  return name === 'Model' ? 'name' : name === 'Other meters' ? 'others' : null;
}
