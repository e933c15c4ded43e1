/** The sums at the end of a statement's page, and how it prints amounts. */
import { html, type Html } from './html-template.js';
import type { Statement } from './statements.schema.js';

export function billedTable({ billed }: Statement): Html {
  const rows = [
    ['Charges that no credits paid', billed.charges.amount_usd],
    ['Credits bought', billed.purchases.amount_usd],
    ['Credits refunded', billed.refunds.amount_usd],
  ] as const;
  return sumTable(rows, ['To be paid for the month', billed.amount_usd]);
}

export function debtTable({ debt }: Statement): Html {
  const rows = [
    ['Owed before', debt.opening.amount_usd],
    ['Taken back after it was used', debt.incurred.amount_usd],
    ['Paid by credits', debt.paid.amount_usd],
  ] as const;
  return sumTable(rows, ['Owed now', debt.amount_usd]);
}

type NamedAmount = readonly [name: string, amountUsd: string];

function sumTable(rows: readonly NamedAmount[], [total, totalUsd]: NamedAmount): Html {
  return html`<div class="scroll">
    <table>
      <tbody>
        ${rows.map(
          ([name, amountUsd]) =>
            html`<tr>
              <td>${name}</td>
              <td class="number">${dollars(amountUsd)}</td>
            </tr>`,
        )}
      </tbody>
      <tfoot>
        <tr>
          <th>${total}</th>
          <td class="number">${dollars(totalUsd)}</td>
        </tr>
      </tfoot>
    </table>
  </div>`;
}

export function hasDebt({ opening, incurred, exact_usd: closing }: Statement['debt']): boolean {
  return [opening.exact_usd, incurred.exact_usd, closing].some((usd) => usd !== '0');
}

export function isZero(amount: string): boolean {
  return /^-?[0.]+$/.test(amount);
}

/** An address of several lines. */
export function linesOf(text: string): readonly Html[] {
  return text.split('\n').map((line, index) => html`${index === 0 ? null : html`<br />`}${line}`);
}

/** `-1234.50` → `−$1,234.50`. */
export function dollars(amount: string): string {
  const sign = amount.startsWith('-') ? '−' : '';
  const [whole = '', cents = ''] = amount.replace('-', '').split('.');
  return `${sign}$${grouped(whole)}.${cents}`;
}

export function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ',');
}
