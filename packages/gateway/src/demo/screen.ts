/** What the demo prints: headings, a progress bar, tables. */
import { formatUsd } from '@tally/client/protocol';
import type { SeededCustomer } from './seed.js';
import { costOf, METERS, type Sum, type Sums } from './sums.js';

const BAR_WIDTH = 32;

export function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}

export function heading(text: string): void {
  say();
  say(`── ${text} ${'─'.repeat(Math.max(0, 76 - text.length))}`);
}

/** Redraws one line on a terminal, and elsewhere prints a line for each tenth, so that logs stay short. */
export class Progress {
  private tenth = -1;

  constructor(
    private readonly label: string,
    private readonly whole: number,
  ) {}

  show(done: number, note = ''): void {
    const share = Math.min(1, done / this.whole);
    const filled = Math.round(share * BAR_WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
    const line = `${this.label} ${bar} ${done.toLocaleString('en-US')}/${this.whole.toLocaleString('en-US')} ${note}`;
    if (process.stdout.isTTY) {
      process.stdout.write(`\r\x1b[2K${line}${share === 1 ? '\n' : ''}`);
    } else if (Math.floor(share * 10) > this.tenth) {
      this.tenth = Math.floor(share * 10);
      say(line);
    }
  }
}

/** Sums by one of their parts, the dearest first. */
export function table(title: string, sums: Sums): void {
  const rows = [...sums].sort(([, a], [, b]) => (costOf(a) < costOf(b) ? 1 : -1));
  printTable([
    [title, 'requests', 'input', 'cached input', 'output', 'cost (USD)'],
    ...rows.map(([key, sum]) => [
      key,
      ...[sum.requests, ...METERS.map((meter) => sum.meters[meter].quantity)].map(grouped),
      formatUsd(costOf(sum)),
    ]),
  ]);
}

/** A sum by meter, with what a million of each cost on average. */
export function meterTable(title: string, sum: Sum): void {
  printTable([
    [title, 'tokens', 'cost (USD)', 'per million'],
    ...METERS.map((meter) => {
      const { quantity, costPicos } = sum.meters[meter];
      const average = quantity === 0 ? '–' : formatUsd((costPicos / BigInt(quantity)) * 1_000_000n);
      return [meter.replace('_', ' '), grouped(quantity), formatUsd(costPicos), average];
    }),
  ]);
}

/** What an admin sees first. */
export function customerTable(rows: readonly SeededCustomer[]): void {
  printTable(
    [
      ['customer', 'plan', 'this month', 'credits', 'refused', 'why it is worth a look'],
      ...rows.map(({ entity, plan, month_to_date_usd, credits_usd, denied_requests, because }) => [
        entity,
        plan,
        `$${centsOf(month_to_date_usd)}`,
        `$${centsOf(credits_usd)}`,
        String(denied_requests ?? '–'),
        because,
      ]),
    ],
    ['left', 'left', 'right', 'right', 'right', 'left'],
  );
}

/** Cut, not rounded: only for the eye. */
function centsOf(usd: string): string {
  const [whole = '', fraction = ''] = usd.split('.');
  return `${whole}.${fraction.padEnd(2, '0').slice(0, 2)}`;
}

export function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

/** The first row is the head. Without `sides` the first column is text and the others are numbers. */
function printTable(
  cells: readonly (readonly string[])[],
  sides: readonly ('left' | 'right')[] = ['left'],
): void {
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        sides[column] === 'left' ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
      )
      .join('  ')
      .trimEnd();
  say();
  say(line(cells[0]!));
  say(widths.map((width) => '─'.repeat(width)).join('  '));
  for (const row of cells.slice(1)) say(line(row));
}
