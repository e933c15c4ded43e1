/** `tally statement`: the month as a document. */
import type { Command } from 'commander';
import { count, money } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { WrongUse } from '../failures.js';
import { action, command } from '../grammar.js';
import type { Output } from '../shown/output.js';
import type { Column } from '../shown/table.js';
import { second } from '../times.js';

export function addStatement(program: Command): void {
  const statement = command(program, 'statement <entity> <period>', {
    summary: "Show a customer's statement of a month; a draft until the month is closed",
    examples: [
      'statement acme 2026-10',
      'statement acme 2026-10 --json',
      'statement acme 2026-10 --html > acme.html',
    ],
  }).option('--html', 'the page to print');
  action<[string, string], { html?: boolean }>(
    statement,
    async ({ session: { api, out }, args: [entity, period], options }) => {
      const params = { path: { entity, period } };
      if (options.html === true) {
        if (out.isJson) throw new WrongUse('--html and --json exclude each other.');
        const page = await answerOf(
          api.GET('/v1/entities/{entity}/statements/{period}', {
            params,
            headers: { accept: 'text/html' },
            parseAs: 'text',
          }),
        );
        return out.raw(page);
      }
      const shown = await answerOf(api.GET('/v1/entities/{entity}/statements/{period}', { params }));
      out.answer(shown, () => writeStatement(out, shown as Schema<'Statement'>));
    },
  );
}

function writeStatement(out: Output, statement: Schema<'Statement'>): void {
  const { charges, credits, billed, debt, closed_at: closed } = statement;
  out.fields([
    ['statement', `${statement.entity}, ${statement.period}`],
    ['number', statement.number ?? 'draft'],
    ['closed', second(closed, 'not yet')],
    ['seller', statement.seller.name],
    ['charges (what no credits paid)', money(charges.amount_usd)],
    ['credits bought', money(billed.purchases.amount_usd)],
    ['credits refunded', money(billed.refunds.amount_usd)],
    ['to be paid', money(billed.amount_usd)],
    ['credits at the end', money(credits.amount_usd)],
    ['debt at the end', debt.amount_usd === '0.00' || debt.amount_usd === '0' ? '' : money(debt.amount_usd)],
  ]);
  out.line();
  out.table(charges.lines, CHARGE_COLUMNS, 'No charges.');
}

const CHARGE_COLUMNS: Column<Schema<'StatementChargesLine'>>[] = [
  { head: 'line', cell: lineOf, shrinksTo: 20 },
  {
    head: 'quantity',
    cell: (line) => (line.kind === 'usage' ? count(line.quantity) : ''),
    right: true,
    rank: 1,
  },
  {
    head: 'unit price',
    cell: (line) => (line.kind === 'usage' ? unitPriceOf(line) : ''),
    right: true,
    rank: 2,
  },
  { head: 'amount', cell: (line) => money(line.amount_usd), right: true },
];

function lineOf(line: Schema<'StatementChargesLine'>): string {
  if (line.kind === 'rounding') return 'rounding';
  if (line.kind === 'credits_applied')
    return `paid by ${line.category} credits ${line.reference ?? line.grant}`;
  const late = line.correction_of === null ? '' : ` (of ${line.correction_of})`;
  return `${line.project}, ${line.model}, ${line.label}${late}`;
}

function unitPriceOf(line: Schema<'StatementUsageLine'>): string {
  if (line.unit_price_usd_per_million !== null) return `${money(line.unit_price_usd_per_million)}/M`;
  return money(line.unit_price_usd, 'no price yet');
}
