/** Formats numbers and names for reading, with the exact value behind each number. */
import { make } from './dom.js';
import { METERS } from './meters.js';
import { exactUsd, groupDigits, readableUsd } from './money.js';
import { TAIL } from './sums.js';

/** An amount: rounded to read, exact in its value and title. */
export function money(picos, decimalsMin) {
  const exact = exactUsd(picos);
  return make('data', { value: exact, title: `$${exact}` }, readableUsd(picos, decimalsMin));
}

export function number(count) {
  return make('data', { value: count }, groupDigits(count));
}

/** Quantities of meters beside the usual ones, such as `cache write 4,012, web search 2`. */
export function othersText(others) {
  return Object.entries(others)
    .map(([meter, quantity]) => `${METERS[meter].label} ${groupDigits(quantity)}`)
    .join(', ');
}

export function measured(value, show) {
  return show === 'cost' ? readableUsd(value) : groupDigits(value);
}

/** Ticks are round numbers, and three digits tell even small ones apart. */
const TICK_DIGITS = 3;

/** For the axis of a chart. */
export function compact(value, show) {
  const size = Math.abs(value);
  const text = Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: TICK_DIGITS }).format(
    size,
  );
  return `${value < 0 ? '−' : ''}${show === 'cost' ? '$' : ''}${text}`;
}

/** Above 999.9% a change is shown as a factor, up to ×100. */
const PER_MILLE_MAX = 9_999;
const FACTOR_MAX = 100;

/** A change in per mille as `+12.3%`, or `×12` for a large one. */
export function change(perMille) {
  if (perMille === null) return '–';
  if (perMille > PER_MILLE_MAX) {
    const factor = Math.round(perMille / 1_000) + 1;
    return factor > FACTOR_MAX ? `over ×${FACTOR_MAX}` : `×${factor}`;
  }
  const sign = perMille > 0 ? '+' : perMille < 0 ? '−' : '';
  return `${sign}${percent(Math.abs(perMille))}`;
}

export function percent(perMille) {
  return `${groupDigits(Math.floor(perMille / 10))}.${perMille % 10}%`;
}

/** A small part is never shown as 0%. */
export function percentOf(part, perMille) {
  return perMille === 0 && part > 0 ? '<0.1%' : percent(perMille);
}

/** A part of a whole in per mille, rounded; 0 where the whole is 0. */
export function share(part, whole) {
  return whole === 0 ? 0 : Math.round((part / whole) * 1000);
}

export function plural(count, one, many = `${one}s`) {
  return `${groupDigits(count)} ${count === 1 ? one : many}`;
}

/** Model ids begin with the provider's prefix, which is the same for all and is left out. */
export function modelName(model) {
  return model.replace(/^cw_/, '').replace('_', '/');
}

export function groupName(name, by) {
  if (name === TAIL) return 'Other';
  return by === 'model' ? modelName(name) : name;
}
