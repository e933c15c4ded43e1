/** The table of projects and models, and its CSV: both have the same content. Meters beside the usual ones have a column where they are used. */
import { fill, make } from './dom.js';
import { cachedAmong, tokensAmong } from './meters.js';
import { changePerMille, exactUsd, picosPerMillion, sumPicos } from './money.js';
import { othersUsed, tokensOf, total } from './sums.js';
import { change, modelName, money, number, othersText, percent, share } from './words.js';

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
];
const LAST_COLUMNS = [
  { id: 'share', name: 'Cached share', of: cachedShare, show: (row) => percent(cachedShare(row)) },
  { id: 'price', name: '$ per 1M tokens', of: (row) => averagePrice(row) ?? -1n, show: showPrice },
];

/** All in one column, because each is used by few rows. Their totals are in the table of meters. */
const OTHERS_COLUMN = {
  id: 'others',
  name: 'Other meters',
  of: (row) => Object.values(row.others).reduce((sum, quantity) => sum + quantity, 0),
  show: (row) => (row.isTotal ? '' : othersText(row.others)),
};

function columnsOf(rows) {
  const others = othersUsed(rows).length === 0 ? [] : [OTHERS_COLUMN];
  return [...COLUMNS, ...others, ...LAST_COLUMNS];
}

const TEXT_COLUMNS = 2;
const TITLES = {
  output: 'With the reasoning',
  share: 'Tokens that were read from a cache, of all tokens of the prompts',
  price: 'Cost, whatever it was for, by million tokens of all kinds',
};

export function showUsageTable(rows, { sort, comparedName, onSort, onEvents }) {
  const columns = columnsOf(rows);
  const column = columns.find(({ id }) => id === sort.id) ?? COLUMNS.find(({ id }) => id === 'cost');
  const ordered = [...rows].sort((a, b) => compare(column.of(a), column.of(b)) * (sort.up ? 1 : -1));
  const headers = columns.map(({ id, name }, index) =>
    make(
      'th',
      {
        scope: 'col',
        class: id === 'others' ? 'others' : classOf(index),
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
    isTotal: true,
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
      ...ordered.map((row) =>
        make('tr', { 'data-model': row.model }, ...cellsOf(columns, { ...row, onEvents })),
      ),
    ),
    make(
      'tfoot',
      {},
      make(
        'tr',
        {},
        make('th', { scope: 'row', class: 'name', 'data-column': 'project' }, 'Total'),
        make('td', { class: 'name', 'data-column': 'model' }, inNarrow('Total')),
        ...cellsOf(columns, sum, TEXT_COLUMNS),
      ),
    ),
  );
}

/** `after` skips the first columns: the total has no project and no model. */
function cellsOf(columns, row, after = 0) {
  return columns.slice(after).map(({ id, show }, index) => {
    const place = index + after;
    const properties = {
      class: id === 'others' ? 'others' : classOf(place),
      'data-column': id,
      scope: place === 0 && 'row',
    };
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
  const prompt = row.input + row.cached + tokensAmong(row.others, 'input');
  return share(row.cached + cachedAmong(row.others), prompt);
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
  const costs = [
    'average_usd_per_million_tokens',
    'cost_usd',
    'compared_cost_usd',
    'compared_cost_before_usd',
  ];
  const others = othersUsed(rows);
  return [
    [...head, ...costs, ...others],
    ...rows.map((row) => [
      row.project,
      row.model,
      row.requests,
      row.input,
      row.cached,
      row.output,
      averagePrice(row) === null ? null : exactUsd(averagePrice(row)),
      ...[row.picos, row.now, row.earlier].map(exactUsd),
      ...others.map((meter) => row.others[meter] ?? 0),
    ]),
  ];
}
