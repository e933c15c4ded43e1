/** What explains one event: each meter's quantity × unit price, and what decided the price. */
import { make } from './dom.js';
import { isByMillion, METERS, meterName } from './meters.js';
import { exactUsd, picosOf } from './money.js';
import { money, number } from './words.js';

/** A button that shows the explanation in a row below its own, and takes it away again. */
export function eventButton(event) {
  const button = make(
    'button',
    { type: 'button', class: 'link', title: event.source, 'aria-expanded': 'false', onclick: toggle },
    make('code', {}, event.event_id),
  );
  let shown = null;
  function toggle() {
    const row = button.closest('tr');
    if (shown === null) row.after((shown = explanation(event, row.cells.length)));
    else shown = shown.remove() ?? null;
    button.setAttribute('aria-expanded', String(shown !== null));
  }
  return button;
}

function explanation(event, columns) {
  const facts = factsOf(event).map(([name, text]) => make('p', {}, `${name} ${text}`));
  const content = make('div', {}, make('ul', {}, ...linesOf(event)), ...facts);
  return make('tr', { class: 'explained' }, make('td', { colspan: columns }, content));
}

function linesOf({ quantities, unit_prices: prices }) {
  return Object.keys(METERS)
    .filter((meter) => quantities[meter] > 0)
    .map((meter) => {
      const usd = prices[priceField(meter)];
      const name = `${meterName(meter)}: `;
      if (usd === undefined) return make('li', {}, name, number(quantities[meter]), ', no price yet');
      const picos = costOf(meter, quantities[meter], usd);
      const per = isByMillion(meter) ? ' per 1M' : '';
      return make('li', {}, name, number(quantities[meter]), ` × $${usd}${per} = `, money(picos));
    });
}

/** As first rated, like the cost of the event. */
function factsOf(event) {
  const attributes = Object.entries(event.attributes ?? {}).map(([name, value]) => `${name} ${value}`);
  return [
    ['Service tier', event.service_tier === 'default' ? '' : event.service_tier],
    ['Region', event.region ?? ''],
    ['Attributes', attributes.join(', ')],
    ['Price version', event.price_id === null ? '' : `${event.price_id}, rate ${event.rate_id}`],
    ['Not read:', event.unread.join(', ')],
    ['Cut or turned into text:', event.mended.join(', ')],
    ...event.corrections.map(({ kind, change_usd: usd, reason }) => [
      kind === 'void' ? 'Voided' : 'Re-rated',
      `by $${exactUsd(picosOf(usd))}: ${reason}`,
    ]),
  ].filter(([, text]) => text !== '');
}

function priceField(meter) {
  return isByMillion(meter) ? `${meter}_usd_per_million` : `${meter}_usd`;
}

function costOf(meter, quantity, usd) {
  const picos = picosOf(usd) * BigInt(quantity);
  return isByMillion(meter) ? picos / 1_000_000n : picos;
}
