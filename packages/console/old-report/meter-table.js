/** The table of meters: what was used, what it cost. It has a line for each meter that was used. */
import { fill, make } from './dom.js';
import { isByMillion, meterName, METERS } from './meters.js';
import { picosEach, sumPicos } from './money.js';
import { money, number, percentOf, share } from './words.js';

const HEADS = ['Meter', 'Quantity', 'Unit', 'Average price', 'Cost', 'Share of cost'];
const UNITS = { token: 'tokens', character: 'characters', second: 'seconds', one: '' };
const PRICE_DECIMALS = 4;

export function showMeters(meters) {
  const sum = sumPicos(meters, ({ picos }) => picos);
  const heads = HEADS.map((name, index) => make('th', { scope: 'col', class: classOf(index) }, name));
  const total = [make('th', { scope: 'row', colspan: 4 }, 'Total'), cell(4, money(sum)), cell(5, '')];
  fill(
    'meters-table',
    make('thead', {}, make('tr', {}, ...heads)),
    make('tbody', {}, ...meters.map((row) => make('tr', { 'data-meter': row.meter }, ...cellsOf(row, sum)))),
    make('tfoot', {}, make('tr', {}, ...total)),
  );
}

function cellsOf({ meter, quantity, picos, isWaiting }, sum) {
  const waiting = isWaiting
    ? [' ', make('span', { class: 'mark' }, picos === 0n ? 'no price yet' : 'partly without a price')]
    : [];
  const part = sum === 0n ? '–' : percentOf(picos, share(Number(picos), Number(sum)));
  return [
    make('th', { scope: 'row' }, meterName(meter), ...waiting),
    cell(1, number(quantity)),
    cell(2, UNITS[METERS[meter].unit]),
    cell(3, averagePrice(meter, picos, quantity)),
    cell(4, money(picos)),
    cell(5, part),
  ];
}

function averagePrice(meter, picos, quantity) {
  if (picos === 0n) return '–';
  if (isByMillion(meter))
    return make('span', {}, money(picosEach(picos * 1_000_000n, quantity), PRICE_DECIMALS), ' per 1M');
  return make('span', {}, money(picosEach(picos, quantity), PRICE_DECIMALS), ' each');
}

function cell(index, content) {
  return make('td', { class: classOf(index) }, content);
}

function classOf(index) {
  return index === 0 || index === 2 ? null : 'number';
}
