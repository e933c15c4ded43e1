/** The tables of days and of grants. A table and its CSV have the same content. */
import { dayOf, shortDay } from './calendar.js';
import { fill, make } from './dom.js';
import { exactUsd, groupDigits } from './money.js';
import { measureOf, othersUsed } from './sums.js';
import { groupName, measured, money } from './words.js';

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
  const others = othersUsed(rows);
  return [
    [...head, 'cost_usd', 'credits_usd', ...others],
    ...rows.map((row) => [
      row.day,
      row.project,
      row.model,
      row.requests,
      row.input,
      row.cached,
      row.output,
      ...[row.picos, row.credits].map(exactUsd),
      ...others.map((meter) => row.others[meter] ?? 0),
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
