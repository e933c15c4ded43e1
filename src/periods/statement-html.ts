/** A statement as an HTML page to read and print: no script, one style sheet, and a content policy that allows nothing else. */
import { createHash } from 'node:crypto';
import { DEFAULT_TIER } from '../domain/service-tier.js';
import { html, Html } from './html-template.js';
import { billedTable, debtTable, dollars, grouped, hasDebt, isZero, linesOf } from './statement-tables.js';
import type { Statement } from './statements.schema.js';

const STYLE = `
:root { color-scheme: light; font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; }
body { max-width: 62rem; margin: 2.5rem auto; padding: 0 1.5rem; }
header { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 1rem; border-bottom: 2px solid; padding-bottom: 1rem; }
h1 { margin: 0; font-size: 1.6rem; }
h2 { margin: 2.5rem 0 .5rem; font-size: 1.15rem; }
p { margin: .2rem 0; }
dl { display: grid; grid-template-columns: auto auto; gap: 0 1.5rem; margin: 0; }
dt { color: #555; }
dd { margin: 0; text-align: right; }
.draft { border: 1px solid #b45309; color: #8a3f06; padding: .4rem .8rem; margin-top: 1rem; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { color: #555; font-weight: 600; border-bottom-color: #888; overflow-wrap: normal; }
.number, .whole { font-variant-numeric: tabular-nums; white-space: nowrap; }
.number { text-align: right; }
tfoot td, tfoot th { border-bottom: 0; border-top: 2px solid; font-weight: 700; color: inherit; }
small { color: #555; }
footer { margin-top: 2.5rem; color: #555; font-size: .85rem; }
@media print {
  @page { size: A4; margin: 18mm 15mm; }
  :root { font-size: 10pt; }
  body { max-width: none; margin: 0; padding: 0; }
  .scroll { overflow: visible; }
  thead { display: table-header-group; }
  tfoot { display: table-row-group; }
  tr, tbody.item { break-inside: avoid; }
  tbody:last-of-type, tbody:last-of-type tr:last-child { break-after: avoid; }
  h2 { break-after: avoid; }
}
`;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** The page may load, run and send nothing, and may not be framed. */
export const STATEMENT_HTML_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; ` +
    `frame-ancestors 'none'; sandbox`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

export function statementHtml(statement: Statement): string {
  const { entity, period, charges, credits, status } = statement;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Statement ${statement.number ?? 'draft'} · ${entity} · ${period}</title>
        ${new Html(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <header>
          <div>
            <h1>Statement</h1>
            <p>${entity}</p>
            <p>
              <small>
                Issued by
                ${statement.seller.name}${statement.seller.address === null ? null : html`<br />${linesOf(statement.seller.address)}`}
              </small>
            </p>
          </div>
          <dl>
            <dt>Number</dt>
            <dd>${statement.number ?? '–'}</dd>
            <dt>Period</dt>
            <dd>${day(statement.start_time)} – ${day(statement.end_time - 1)}</dd>
            <dt>${status === 'final' ? 'Closed' : 'As of'}</dt>
            <dd>${minute(statement.closed_at ?? statement.as_of)}</dd>
            <dt>Amount due</dt>
            <dd><strong>${dollars(charges.amount_usd)}</strong></dd>
            <dt>Credits left</dt>
            <dd>${dollars(credits.amount_usd)}</dd>
            ${
              isZero(statement.debt.amount_usd)
                ? null
                : html`<dt>Owed for credits</dt>
                    <dd>${dollars(statement.debt.amount_usd)}</dd>`
            }
          </dl>
        </header>
        ${status === 'draft' ? html`<p class="draft">Draft: the period is not closed, and the amounts may still change.</p>` : null}
        <h2>Charges</h2>
        ${chargesTable(statement)}
        <h2>Credits</h2>
        ${creditsTable(statement)}
        <h2>To be paid</h2>
        ${billedTable(statement)}
        ${
          hasDebt(statement.debt)
            ? html`<h2>Owed for credits taken back</h2>
                ${debtTable(statement)}`
            : null
        }
        <footer>
          <p>
            All amounts in US dollars; all times in UTC. Tokens and characters are priced by the million,
            everything else one by one.
          </p>
          <p>
            Every line is exact and printed in cents, rounded once, half to even. Each total is the sum of its
            printed lines.
          </p>
        </footer>
      </body>
    </html> `;
  return page.text;
}

function chargesTable({ charges }: Statement): Html {
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th>Project</th>
          <th>Model</th>
          <th>Meter</th>
          <th class="number">Quantity</th>
          <th class="number">Unit price</th>
          <th class="number">Amount</th>
        </tr>
      </thead>
      ${itemsOf(charges.lines).map(
        (lines) =>
          html`<tbody class="item">
            ${lines.map(chargeRow)}
          </tbody>`,
      )}
      <tfoot>
        <tr>
          <th colspan="5">Amount due</th>
          <td class="number">${dollars(charges.amount_usd)}</td>
        </tr>
      </tfoot>
    </table>
  </div>`;
}

type ChargeLine = Statement['charges']['lines'][number];

/** Groups the lines that differ only in their meter: no page break comes between them. */
function itemsOf(lines: readonly ChargeLine[]): ChargeLine[][] {
  const items: ChargeLine[][] = [];
  for (const line of lines) {
    const last = items.at(-1)?.[0];
    if (last !== undefined && itemName(last) === itemName(line) && line.kind === 'usage')
      items.at(-1)!.push(line);
    else items.push([line]);
  }
  return items;
}

function itemName(line: ChargeLine): string {
  if (line.kind !== 'usage') return line.kind;
  return [line.project, line.model, line.correction_of, line.service_tier, line.rate_id].join('\n');
}

function chargeRow(line: ChargeLine, index: number, lines: readonly ChargeLine[]): Html {
  if (line.kind !== 'usage') {
    const what = line.kind === 'rounding' ? 'Rounding' : grantName(paidBy(line.amount_usd), line);
    return html`<tr>
      <td colspan="5">${what}</td>
      <td class="number">${dollars(line.amount_usd)}</td>
    </tr>`;
  }
  const notes = [
    line.service_tier === DEFAULT_TIER ? null : `Tier ${line.service_tier}`,
    line.correction_of === null ? null : `Correction of ${line.correction_of}`,
  ].filter((note) => note !== null);
  const names = html`<td rowspan="${lines.length}">${line.project}</td>
    <td rowspan="${lines.length}">
      ${line.model}${notes.map((note) => html`<br /><small>${note}</small>`)}
    </td>`;
  return html`<tr>
    ${index === 0 ? names : null}
    <td>${line.label.slice(0, 1).toUpperCase()}${line.label.slice(1)}</td>
    <td class="number">${grouped(String(line.quantity))}</td>
    <td class="number">${unitPrice(line)}</td>
    <td class="number">${dollars(line.amount_usd)}</td>
  </tr> `;
}

function creditsTable({ credits }: Statement): Html {
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th>Movement</th>
          <th>Expires</th>
          <th class="number">Amount</th>
        </tr>
      </thead>
      <tbody>
        ${credits.lines.map(creditRow)}
      </tbody>
      <tfoot>
        <tr>
          <th colspan="2">Closing balance</th>
          <td class="number">${dollars(credits.amount_usd)}</td>
        </tr>
      </tfoot>
    </table>
  </div>`;
}

const MOVEMENTS = {
  purchase: 'Purchase of',
  promotion: 'Grant of',
  burn: 'Use of',
  expiry: 'Expiry of',
  void: 'Void of',
  refund: 'Refund of',
  debt_payment: 'Payment of what was owed, from',
} as const;

function creditRow(line: Statement['credits']['lines'][number]): Html {
  if (line.kind === 'opening_balance' || line.kind === 'rounding') {
    const what = line.kind === 'rounding' ? 'Rounding' : 'Opening balance';
    return html`<tr>
      <td colspan="2">${what}</td>
      <td class="number">${dollars(line.amount_usd)}</td>
    </tr>`;
  }
  const expires = line.expires_at === null ? 'never' : day(line.expires_at);
  return html`<tr>
    <td>${grantName(MOVEMENTS[line.kind], line)}</td>
    <td class="whole">${expires}</td>
    <td class="number">${dollars(line.amount_usd)}</td>
  </tr> `;
}

function grantName(
  verb: string,
  { grant, category, reference }: { grant: string; category: string; reference: string | null },
): Html {
  return html`${verb} ${category === 'paid' ? 'prepaid' : category}
    credits${reference === null ? null : ` (${reference})`} <small>${grant}</small>`;
}

/** A correction can return more than was used. */
function paidBy(amount: string): string {
  return amount.startsWith('-') ? 'Paid by' : 'Returned to';
}

/** With two decimals at least: `0.2` → `0.20`, `0.0035` stays. */
function unitPrice(line: ChargeLine & { kind: 'usage' }): Html {
  const usd = line.unit_price_usd_per_million ?? line.unit_price_usd;
  if (usd === null) return html`<small>No price yet</small>`;
  const [whole = '', fraction = ''] = usd.split('.');
  const per =
    line.unit_price_usd === null ? ' per million' : line.unit === 'one' ? ' each' : ` per ${line.unit}`;
  return html`${whole}.${fraction.padEnd(2, '0')}<small>${per}</small>`;
}

function day(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString().slice(0, 10);
}

function minute(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString().slice(0, 16).replace('T', ' ');
}
