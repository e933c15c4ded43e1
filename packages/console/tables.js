/** The tables: projects and models, days, grants. A table and its CSV have the same content. */
import { dayOf, shortDay } from './calendar.js';
import { fill, make } from './dom.js';
import { changePerMille, exactUsd, groupDigits, picosPerMillion, sumPicos } from './money.js';
import { measureOf, tokensOf, total } from './sums.js';
import { change, groupName, measured, modelName, money, number, percent, share } from './words.js';

const PRICE_DECIMALS = 4;
const UNPRICED = 'no price yet';

/** Each column's name, what it sorts by, and what it shows. Numbers sort from the largest. */
const COLUMNS = [
  { id: 'project', name: 'Project', of: (row) => row.project, show: (row) => row.project },
  { id: 'model', name: 'Model', of: (row) => modelName(row.model), show: showModel },
  { id: 'cost', name: 'Cost', of: (row) => row.picos, show: (row) => money(row.picos) },
  { id: 'change', name: 'Change', of: (row) => changeOf(row) ?? -2_000, show: showChange },
  { id: 'requests', name: 'Requests', of: (row) => row.requests, show: (row) => number(row.requests) },
  { id: 'input', name: 'Input', of: (row) => row.input, show: (row) => number(row.input) },
  { id: 'cached', name: 'Cached input', of: (row) => row.cached, show: (row) => number(row.cached) },
  { id: 'output', name: 'Output', of: (row) => row.output, show: (row) => number(row.output) },
  { id: 'share', name: 'Cached share', of: cachedShare, show: (row) => percent(cachedShare(row)) },
  { id: 'price', name: '$ per 1M tokens', of: (row) => averagePrice(row) ?? -1n, show: showPrice },
];
const TEXT_COLUMNS = 2;
const TITLES = {
  share: 'Cached input of all input',
  price: 'Average US dollars per million tokens of all classes',
};

export function showUsageTable(rows, { sort, comparedName, onSort, onEvents }) {
  const column = COLUMNS.find(({ id }) => id === sort.id);
  const ordered = [...rows].sort((a, b) => compare(column.of(a), column.of(b)) * (sort.up ? 1 : -1));
  const headers = COLUMNS.map(({ id, name }, index) =>
    make(
      'th',
      {
        scope: 'col',
        class: classOf(index),
        'data-column': id,
        'aria-sort': id === sort.id && (sort.up ? 'ascending' : 'descending'),
      },
      make(
        'button',
        {
          type: 'button',
          'data-sort': id,
          title: TITLES[id],
          onclick: () => onSort(id),
        },
        `${name}${id === sort.id ? (sort.up ? ' ↑' : ' ↓') : ''}`,
      ),
    ),
  );
  const sum = {
    ...total(rows),
    now: sumPicos(rows, (row) => row.now),
    earlier: sumPicos(rows, (row) => row.earlier),
  };
  fill(
    'usage-table',
    make('caption', { class: 'unseen' }, `Usage by project and model; change is ${comparedName}`),
    make('thead', {}, make('tr', {}, ...headers)),
    make(
      'tbody',
      {},
      ...ordered.map((row) => make('tr', { 'data-model': row.model }, ...cellsOf({ ...row, onEvents }))),
    ),
    make(
      'tfoot',
      {},
      make(
        'tr',
        {},
        make('th', { scope: 'row', class: 'name', 'data-column': 'project' }, 'Total'),
        make('td', { class: 'name', 'data-column': 'model' }, inNarrow('Total')),
        ...cellsOf(sum, TEXT_COLUMNS),
      ),
    ),
  );
}

/** `after` skips the first columns: the total has no project and no model. */
function cellsOf(row, after = 0) {
  return COLUMNS.slice(after).map(({ id, show }, index) => {
    const place = index + after;
    const properties = { class: classOf(place), 'data-column': id, scope: place === 0 && 'row' };
    return make(place === 0 ? 'th' : 'td', properties, show(row));
  });
}

function classOf(index) {
  return index < TEXT_COLUMNS ? 'name' : 'number';
}

/** A button that opens the events behind a row. */
function showModel({ project, model, requests, onEvents }) {
  const name = modelName(model);
  if (requests === 0) return make('span', {}, inNarrow(project), name);
  const events = make(
    'button',
    {
      type: 'button',
      class: 'link',
      title: `Events of ${name}`,
      'data-events': `${project}/${model}`,
      onclick: () => onEvents({ project, model }),
    },
    name,
  );
  return make('span', {}, inNarrow(project), events);
}

/** On a narrow page the project is above the model instead of beside it. */
function inNarrow(project) {
  return make('span', { class: 'in-narrow' }, project);
}

function cachedShare(row) {
  return share(row.cached, row.input + row.cached);
}

function averagePrice(row) {
  return picosPerMillion(row.picos, tokensOf(row));
}

function showPrice(row) {
  const price = averagePrice(row);
  if (price === null) return '–';
  return row.picos === 0n ? UNPRICED : money(price, PRICE_DECIMALS);
}

function changeOf({ now, earlier }) {
  return changePerMille(now, earlier);
}

function showChange(row) {
  if (row.earlier === 0n && row.now > 0n) return 'new';
  return change(changeOf(row));
}

function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function usageCsv(rows) {
  const head = ['project', 'model', 'requests', 'input_tokens', 'cached_input_tokens', 'output_tokens'];
  return [
    [...head, 'average_usd_per_million_tokens', 'cost_usd', 'compared_cost_usd', 'compared_cost_before_usd'],
    ...rows.map((row) => [
      row.project,
      row.model,
      row.requests,
      row.input,
      row.cached,
      row.output,
      averagePrice(row) === null ? null : exactUsd(averagePrice(row)),
      ...[row.picos, row.now, row.earlier].map(exactUsd),
    ]),
  ];
}

export function showDailyTable(daily, { by, show, onDay }) {
  const heads = ['Day (UTC)', ...daily.groups.map(({ name }) => groupName(name, by)), 'Total'];
  const rows = daily.days.map((day, index) =>
    make(
      'tr',
      {},
      make('th', { scope: 'row' }, dayButton(day, daily.totals[index].requests, onDay)),
      ...daily.groups.map((group) => make('td', { class: 'number' }, shown(group.measures[index], show))),
      make('td', { class: 'number' }, shown(daily.measures[index], show)),
    ),
  );
  fill(
    'daily-table',
    make(
      'thead',
      {},
      make(
        'tr',
        {},
        ...heads.map((name, index) => make('th', { scope: 'col', class: index > 0 && 'number' }, name)),
      ),
    ),
    make('tbody', {}, ...rows),
  );
}

function dayButton(day, requests, onDay) {
  if (requests === 0) return day;
  return make(
    'button',
    {
      type: 'button',
      class: 'link',
      'data-day': day,
      'aria-label': `Events of ${shortDay(day)}`,
      onclick: () => onDay(day),
    },
    day,
  );
}

function shown(value, show) {
  if (value === 0n) return '–';
  return show === 'cost' ? money(value) : groupDigits(value);
}

export function dailyCsv(rows) {
  const head = [
    'day_utc',
    'project',
    'model',
    'requests',
    'input_tokens',
    'cached_input_tokens',
    'output_tokens',
  ];
  return [
    [...head, 'cost_usd', 'credits_usd'],
    ...rows.map((row) => [
      row.day,
      row.project,
      row.model,
      row.requests,
      row.input,
      row.cached,
      row.output,
      ...[row.picos, row.credits].map(exactUsd),
    ]),
  ];
}

export function showLegend(daily, { by, show, colourOf }) {
  fill(
    'legend',
    ...daily.groups.map((group, index) => {
      const swatch = make('i', { 'aria-hidden': 'true' });
      swatch.style.background = colourOf(group, index);
      const name = `${groupName(group.name, by)}${group.isTail ? ` (${group.count})` : ''}`;
      const value = make('b', {}, measured(measureOf(group.total, show), show));
      return make('li', { 'data-group': group.name }, swatch, name, value);
    }),
  );
}

export function showGrants(grants, { asOf, unused }) {
  const heads = ['Grant', 'Kind', 'Amount', 'Left', 'Starts', 'Expires', 'Outlook'];
  const rows = grants.map((grant) =>
    make(
      'tr',
      { 'data-grant': grant.id },
      make('th', { scope: 'row', title: grant.id }, grant.reference ?? grant.id),
      make('td', {}, grant.category),
      make('td', { class: 'number' }, money(grant.amount)),
      make('td', { class: 'number' }, money(grant.left)),
      make('td', {}, dayOf(grant.effectiveAt)),
      make('td', {}, grant.expiresAt === null ? 'never' : dayOf(grant.expiresAt)),
      make('td', {}, outlook(grant, asOf, unused.get(grant.id))),
    ),
  );
  const none = make(
    'tr',
    {},
    make('td', { colspan: heads.length }, 'No credits were ever granted. An admin grants them.'),
  );
  fill(
    'grants-table',
    make(
      'thead',
      {},
      make(
        'tr',
        {},
        ...heads.map((name, index) =>
          make('th', { scope: 'col', class: (index === 2 || index === 3) && 'number' }, name),
        ),
      ),
    ),
    make('tbody', {}, ...(rows.length === 0 ? [none] : rows)),
  );
}

function outlook(grant, asOf, lost) {
  if (grant.voidedAt !== null) return 'voided';
  if (grant.expiresAt !== null && grant.expiresAt <= asOf) return 'expired';
  if (grant.left === 0n) return 'used up';
  if (grant.effectiveAt > asOf) return 'not yet in force';
  if (lost === undefined) return 'will be used';
  return make('span', { class: 'mark' }, money(lost), ` will expire unused`);
}
