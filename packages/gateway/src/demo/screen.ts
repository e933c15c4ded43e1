/** What the demo prints: headings, a progress bar, tables. */
import { formatUsd } from '@tally/client/protocol';
import type { Sums } from './sums.js';

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

export function table(title: string, sums: Sums): void {
  const rows = [...sums].sort(([, a], [, b]) => (a.costPicos < b.costPicos ? 1 : -1));
  const cells = [
    [title, 'requests', 'prompt tokens', 'completion tokens', 'cost (USD)'],
    ...rows.map(([key, sum]) => [
      key,
      ...[sum.requests, sum.promptTokens, sum.completionTokens].map((count) => count.toLocaleString('en-US')),
      formatUsd(sum.costPicos),
    ]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const line = (row: string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ');
  say();
  say(line(cells[0]!));
  say(widths.map((width) => '─'.repeat(width)).join('  '));
  for (const row of cells.slice(1)) say(line(row));
}
