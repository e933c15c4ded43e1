/** What came of each fault, for people. */

export type Row = {
  readonly fault: string;
  readonly from: Date;
  readonly to: Date;
  /** Until every process was ready again. */
  readonly seconds: number;
  /** From the first degraded answer to the last. */
  readonly degradedSeconds: number;
  readonly decisions: { readonly right: number; readonly wrong: number };
  /** Answers by status, of all calls. */
  readonly answers: string;
  /** Events of this time: accepted, and booked in the end. */
  readonly accepted: number;
  readonly booked: number;
  /** How often /readyz and /metrics were read, and how often they said that a server was unavailable. */
  readonly looks: number;
  readonly away: number;
  readonly alerts: readonly string[];
};

const COLUMNS: readonly (readonly [title: string, of: (row: Row) => string])[] = [
  ['fault', ({ fault }) => fault],
  ['s', ({ seconds }) => seconds.toFixed(1)],
  ['degraded s', ({ degradedSeconds }) => degradedSeconds.toFixed(1)],
  ['decisions right', ({ decisions: { right, wrong } }) => `${right} of ${right + wrong}`],
  ['answers', ({ answers }) => answers],
  ['events counted', ({ accepted, booked }) => `${booked} of ${accepted}`],
  ['looks that say away', ({ looks, away }) => `${away} of ${looks}`],
  ['alerts', ({ alerts }) => alerts.map((name) => name.replace('Tally', '')).join(' ') || '-'],
];

export function tableOf(rows: readonly Row[]): string {
  const lines = [COLUMNS.map(([title]) => title), ...rows.map((row) => COLUMNS.map(([, of]) => of(row)))];
  const widths = COLUMNS.map((_, index) => Math.max(...lines.map((line) => line[index]!.length)));
  return lines
    .map((line) => `| ${line.map((cell, index) => cell.padEnd(widths[index]!)).join(' | ')} |`)
    .join('\n');
}
