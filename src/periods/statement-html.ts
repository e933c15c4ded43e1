/** A statement as an HTML page to read and print: no script, one style sheet, and a content policy that allows nothing else. */
import { createHash } from 'node:crypto';
import { html, Html } from './html-template.js';
import type { Cell, Item, StatementContents, Table } from './statement-contents.js';

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
@media screen and (max-width: 640px) {
  body { margin: 1.2rem auto; padding: 0 1rem; }
  table, tbody, tfoot { display: block; }
  thead { display: none; }
  tr { display: flex; flex-wrap: wrap; gap: 0 .7rem; padding: .3rem 0; border-bottom: 1px solid #ddd; }
  td, tfoot :is(td, th) { padding: 0; border: 0; flex: 1 1 5rem; }
  td[rowspan] { flex-basis: 100%; }
  td[rowspan]:first-child { color: #555; }
  td.number, tfoot td.number { flex: 0 0 auto; min-width: 4.4rem; }
  .number small { display: block; }
  tfoot tr { border-bottom: 0; border-top: 2px solid; }
}
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

export function statementHtml(contents: StatementContents): string {
  const { title, seller, buyer, facts, draft, tables, footnotes } = contents;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        ${new Html(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <header>
          <div>
            <h1>Statement</h1>
            <p><small>Issued to</small> ${buyer}</p>
            <p>
              <small>Issued by ${seller.name}${seller.address.map((line) => html`<br />${line}`)}</small>
            </p>
          </div>
          <dl>
            ${facts.map(
              ({ name, value, isMain }) =>
                html`<dt>${name}</dt>
                  <dd>${isMain ? html`<strong>${value}</strong>` : value}</dd>`,
            )}
          </dl>
        </header>
        ${draft === null ? null : html`<p class="draft">${draft}</p>`}
        ${tables.map(
          (table) =>
            html`<h2>${table.title}</h2>
              ${tableHtml(table)}`,
        )}
        <footer>${footnotes.map((note) => html`<p>${note}</p>`)}</footer>
      </body>
    </html> `;
  return page.text;
}

function tableHtml(table: Table): Html {
  const { columns, items, total } = table;
  const hasHead = columns.some(({ name }) => name !== '');
  const head = html`<thead>
    <tr>
      ${columns.map(({ name, isNumber }) => html`<th${isNumber ? new Html(' class="number"') : null}>${name}</th>`)}
    </tr>
  </thead>`;
  return html`<div class="scroll">
    <table>
      ${hasHead ? head : null}
      ${items.map(
        (item) =>
          html`<tbody class="item">
            ${rowsHtml(item, table)}
          </tbody>`,
      )}
      <tfoot>
        <tr>
          <th colspan="${columns.length - 1}">${total.name}</th>
          <td class="number">${total.amount}</td>
        </tr>
      </tfoot>
    </table>
  </div>`;
}

function rowsHtml({ names, rows }: Item, { columns }: Table): Html[] {
  return rows.map((cells, index) => {
    const missing = columns.length - names.length - cells.length;
    const shared = names.map((name) => html`<td rowspan="${rows.length}">${cellHtml(name)}</td>`);
    const own = cells.map((cell, place) => {
      const column = columns[place === 0 ? names.length : names.length + missing + place]!;
      const kind = column.isNumber ? 'number' : place > 0 ? 'whole' : null;
      const span = place === 0 && missing > 0 ? new Html(` colspan="${missing + 1}"`) : null;
      return html`<td${span}${kind === null ? null : new Html(` class="${kind}"`)}>${cellHtml(cell)}</td>`;
    });
    return html`<tr>
      ${index === 0 ? shared : null}${own}
    </tr>`;
  });
}

function cellHtml({ text, small, notes = [] }: Cell): Html {
  const beside = small === undefined ? null : html`<small>${small}</small>`;
  return html`${text}${beside}${notes.map((note) => html`<br /><small>${note}</small>`)}`;
}
