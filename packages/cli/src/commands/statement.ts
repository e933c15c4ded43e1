/** `tally statement`: the month as a document. */
import type { Command } from 'commander';
import { count, money } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { WrongUse } from '../failures.js';
import { action, command } from '../grammar.js';
import { writeTo } from '../files.js';
import type { Session } from '../session.js';
import type { Output } from '../shown/output.js';
import type { Column } from '../shown/table.js';
import { second } from '../times.js';

type StatementOptions = { readonly html?: boolean; readonly pdf?: string };

export function addStatement(program: Command): void {
  const statement = command(program, 'statement <entity> [period]', {
    summary: "Show a customer's statement of a month, or list the months that have one",
    more: 'A statement is a draft until its month is closed. What a line is made of: tally events list, with the month, the project and the model of the line.',
    examples: [
      'statement acme',
      'statement acme 2026-10',
      'statement acme 2026-10 --pdf acme-2026-10.pdf',
      'statement acme 2026-10 --html > acme.html',
      'events list acme --period 2026-10 --project search --model acme-chat-1',
    ],
  })
    .option('--pdf <file>', 'write it as a PDF into this file; - is standard output')
    .option('--html', 'the page to print');
  action<[string, string | undefined], StatementOptions>(
    statement,
    async ({ session, args: [entity, period], options }) => {
      const { out } = session;
      const { html = false, pdf } = options;
      if ([html, pdf !== undefined, out.isJson].filter(Boolean).length > 1)
        throw new WrongUse('--pdf, --html and --json exclude each other.');
      if (period === undefined) {
        if (html || pdf !== undefined)
          throw new WrongUse(`A month must be named, such as tally statement ${entity} 2026-10`);
        return listMonths(session, entity);
      }
      const path = { entity, period };
      if (html) out.raw(await pageOf(session, path));
      else if (pdf !== undefined) await writePdf(session, path, pdf);
      else await showStatement(session, path);
    },
  );
}

type Path = { readonly entity: string; readonly period: string };

async function listMonths({ api, out }: Session, entity: string): Promise<void> {
  const params = { path: { entity } };
  const listed = await answerOf(api.GET('/v1/entities/{entity}/statements', { params }));
  out.answer(listed, () => out.table(listed.months, MONTH_COLUMNS, `${entity} has no statements.`));
}

const MONTH_COLUMNS: Column<Schema<'StatementMonth'>>[] = [
  { head: 'month', cell: ({ period }) => period },
  { head: 'status', cell: ({ status }) => status },
  { head: 'number', cell: ({ number }) => number ?? '', rank: 1 },
  { head: 'charged', cell: (month) => money(month.charged_usd), right: true },
  { head: 'by credits', cell: (month) => money(month.credits_usd), right: true, rank: 2 },
  { head: 'overage', cell: (month) => money(month.overage_usd), right: true },
];

async function showStatement({ api, out }: Session, path: Path): Promise<void> {
  const shown = await answerOf(api.GET('/v1/entities/{entity}/statements/{period}', { params: { path } }));
  out.answer(shown, () => writeStatement(out, shown as Schema<'Statement'>));
}

async function pageOf({ api }: Session, path: Path): Promise<string> {
  return answerOf(
    api.GET('/v1/entities/{entity}/statements/{period}', {
      params: { path },
      headers: { accept: 'text/html' },
      parseAs: 'text',
    }),
  );
}

async function writePdf({ api, out }: Session, path: Path, file: string): Promise<void> {
  const pdf = await answerOf(
    api.GET('/v1/entities/{entity}/statements/{period}', {
      params: { path },
      headers: { accept: 'application/pdf' },
      parseAs: 'arrayBuffer',
    }),
  );
  const bytes = Buffer.from(pdf);
  if (file === '-') return out.bytes(bytes);
  await writeTo(file, bytes);
  out.line(`Wrote ${file}: the statement of ${path.entity} for ${path.period}.`);
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
  if (charges.lines.length > 0)
    out.line(
      `The events of a line: tally events list ${statement.entity} --period ${statement.period} --project … --model …`,
    );
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
