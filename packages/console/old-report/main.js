/** Signs in, follows the address, and puts a report on the page. */
import { NO_EVENTS, readAddress, showsEvents, writeAddress } from './address.js';
import { addDays, shortDay } from './calendar.js';
import { ApiError, askEntities, removeKey, storeKey, storedKey } from './api.js';
import { drawCredits, drawDaily, drawTotal, seriesColour } from './charts.js';
import { listenToControls, showControls } from './controls.js';
import { byId, fill, make, setHidden } from './dom.js';
import { closeEvents, listen as listenToEvents, openEvents } from './events.js';
import { listenToDownloads } from './downloads.js';
import { readableUsd } from './money.js';
import { computeReport, loadReport } from './report.js';
import { closeRetention, listenToRetention } from './retention.js';
import { showAsOf, showBadges, showBooks, showTiles } from './summary.js';
import { showMeters } from './meter-table.js';
import { showDailyTable, showGrants, showLegend } from './tables.js';
import { listenToTheme } from './theme.js';
import { showUsageTable } from './usage-table.js';
import { isFarAbove } from './sums.js';
import { groupName, measured, plural } from './words.js';

/** All state of the page: the view, what was loaded for it, and how the table is sorted. */
const page = { view: readAddress(location.search), entities: [], loaded: null, report: null, loads: 0 };
const sort = { id: 'cost', up: false };

start();

function start() {
  byId('sign-in').addEventListener('submit', (event) => void signIn(event));
  byId('sign-out').addEventListener('click', () => signOut(''));
  byId('refresh').addEventListener('click', () => void load());
  addEventListener('popstate', () => void follow(readAddress(location.search)));
  listenToControls(page, go);
  listenToEvents(() => showsEvents(page.view) && go(NO_EVENTS));
  listenToDownloads(page, showProblem);
  listenToRetention();
  listenToTheme(() => page.report && draw());
  if (storedKey() === null) signOut('');
  else void open();
}

async function signIn(event) {
  event.preventDefault();
  storeKey(byId('key').value.trim());
  await open();
  if (storedKey() !== null) byId('content').focus();
}

function signOut(message) {
  removeKey();
  Object.assign(page, { loaded: null, report: null, loads: page.loads + 1 });
  if (byId('events').open) closeEvents();
  closeRetention();
  for (const id of ['content', 'sign-out', 'entity-field', 'entity-name']) setHidden(id, true);
  fill('as-of');
  fill('sign-in-error', message);
  setHidden('sign-in', false);
  byId('key').value = '';
  byId('key').focus();
}

/** Loads the entities that the key may see, then shows the view. */
async function open() {
  try {
    page.entities = await askEntities();
  } catch (error) {
    return signOut(explain(error));
  }
  byId('key').value = '';
  setHidden('sign-in', true);
  for (const id of ['content', 'sign-out']) setHidden(id, false);
  const known = page.entities.includes(page.view.entity);
  page.view.entity = known || page.entities.length === 0 ? page.view.entity : page.entities[0];
  if (page.entities.length === 0)
    return showNothing('No entity has used anything yet', 'It appears here with its first usage.');
  await load();
}

/** Applies a change that a person made. It goes into the address, so that the browser's back button undoes it. */
function go(changes) {
  const next = { ...page.view, ...changes };
  history.pushState(null, '', writeAddress(next));
  void follow(next);
}

async function follow(next) {
  const before = page.view;
  page.view = { ...next, entity: next.entity ?? page.entities[0] };
  const isSame = ['entity', 'month', 'from', 'to'].every((name) => before[name] === page.view[name]);
  if (!isSame || page.loaded === null) return load();
  draw();
  return showEvents();
}

async function load() {
  if (storedKey() === null) return;
  const number = (page.loads += 1);
  const { view } = page;
  byId('content').setAttribute('aria-busy', 'true');
  try {
    const loaded = await loadReport(view);
    if (number !== page.loads) return;
    page.loaded = loaded;
    setHidden('problem', true);
    draw();
    await showEvents();
  } catch (error) {
    if (number !== page.loads) return;
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) signOut(explain(error));
    else showProblem(error);
  } finally {
    if (number === page.loads) byId('content').removeAttribute('aria-busy');
  }
}

function draw() {
  const { view, loaded } = page;
  const report = (page.report = computeReport(loaded, view));
  const shown = { by: view.by, show: view.show, onDay: (day) => go({ ...NO_EVENTS, day }) };
  document.title = `${view.entity}, ${report.range.name} · Tally`;
  showControls(page);
  showAsOf(loaded.activity);
  showBadges(report);
  showTiles(report);
  showBooks(report);
  const isEmpty = report.rows.length === 0;
  for (const id of ['daily', 'focus-csv', 'statement', 'meters']) byId(id).hidden = isEmpty;
  byId('usage-table').closest('section').hidden = isEmpty;
  if (isEmpty) showEmpty(report);
  else setHidden('empty', true);
  drawDaily(report.daily, shown);
  showLegend(report.daily, { ...shown, colourOf: seriesColour });
  showDailyTable(report.daily, shown);
  const cap = monthlyCap(report);
  drawTotal({ ...report.totalLines, cap: isFarAbove(cap, report.totalLines) ? null : cap });
  drawCredits(report.creditLines);
  showMeters(report.meters);
  sortTable();
  showGrants(report.grants, { asOf: report.asOf, unused: report.projection.unused });
  describeCharts(report);
}

function sortTable() {
  const { table, comparedName } = page.report;
  const onSort = (id) => {
    Object.assign(sort, { id, up: sort.id === id ? !sort.up : id === 'project' || id === 'model' });
    sortTable();
    document.querySelector(`[data-sort="${id}"]`).focus();
  };
  showUsageTable(table, { sort, comparedName, onSort, onEvents: (row) => go({ ...NO_EVENTS, ...row }) });
}

function monthlyCap({ balance, range, cap }) {
  return range.isCurrentMonth && balance.monthly_cap_usd !== null && cap?.name === 'monthly'
    ? cap.limit
    : null;
}

/** Describes each chart in a sentence, for people who cannot see it. */
function describeCharts(report) {
  const { range, daily, totalLines, credits, creditLines } = report;
  const { by, show } = page.view;
  const sum = daily.measures.reduce((total, value) => total + value, 0n);
  const [largest] = daily.groups;
  const most = largest ? `, most of it by ${groupName(largest.name, by)}` : '';
  const label = (id, text) => byId(id).setAttribute('aria-label', text);
  label(
    'daily-chart',
    `Bars by day, ${range.name}: ${measured(sum, show)} of ${show} in all${most}. The table below has every day.`,
  );
  const running = totalLines.running.findLast((value) => value !== null) ?? 0n;
  label('total-chart', `Running total of cost, ${range.name}: ${readableUsd(running)}.`);
  label(
    'credits-chart',
    `Credits left over ${plural(creditLines.days.length, 'day')}: ${readableUsd(credits)} now.`,
  );
  const ahead = totalLines.forecast === null ? '' : ' The shade is the forecast’s range.';
  const cap = monthlyCap(report);
  const far = isFarAbove(cap, totalLines) ? ` The cap of ${readableUsd(cap)} is far above.` : '';
  fill('total-note', `Usage on the day it occurred, ${range.name}, UTC.${ahead}${far}`);
  const goesOn = creditLines.ahead.some((picos) => picos !== null);
  fill(
    'credits-note',
    `At each day’s end.${goesOn ? ' The dashed line goes on at the cost of the last week.' : ''}`,
  );
}

function showEmpty({ range, balance }) {
  const { newest_usage_at: newest } = page.loaded.activity;
  const month = newest === null ? null : new Date(newest * 1000).toISOString().slice(0, 7);
  const text = `${page.view.entity} used nothing in ${range.name} (UTC).`;
  if (month === null)
    return showNothing(text, 'It has never used anything: usage shows here seconds after its first request.');
  const button = make(
    'button',
    { type: 'button', onclick: () => go({ month, from: null, to: null }) },
    `Show ${month}`,
  );
  return showNothing(text, month > balance.period ? '' : 'Its latest usage is elsewhere: ', button);
}

function showNothing(title, text, button = null) {
  fill('empty', make('h2', {}, title), make('p', {}, text, button ?? ''));
  setHidden('empty', false);
}

function showProblem(error) {
  const again = make('button', { type: 'button', onclick: () => void load() }, 'Try again');
  const stale = page.loaded === null ? '' : ' What you see below is what was loaded before.';
  fill('problem', explain(error), stale, again);
  setHidden('problem', false);
}

function explain(error) {
  if (!(error instanceof ApiError)) throw error;
  if (error.status === 401)
    return 'This key is not valid: it may be mistyped or revoked. Ask an admin for another.';
  if (error.status === 403)
    return 'This key may not look at this: it needs the role finance or admin, for this entity.';
  return error.message;
}

async function showEvents() {
  const { entity, day, project, model } = page.view;
  if (!showsEvents(page.view)) {
    if (byId('events').open) closeEvents();
    return;
  }
  const { range } = page.report;
  const time =
    day === null
      ? { start: range.start, end: range.end, name: range.name }
      : { start: day, end: addDays(day, 1), name: `${shortDay(day)} ${day.slice(0, 4)}` };
  await openEvents({ entity, project, model, ...time });
}
