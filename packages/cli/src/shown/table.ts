/** Tables that fit the terminal: columns are left out by their rank, and a table that is still too wide becomes records, one field a line. */
import stringWidth from 'string-width';
import { painted, safe, type Terminal, type Tone } from './terminal.js';

export type Column<Row> = {
  readonly head: string;
  readonly cell: (row: Row) => string;
  /** Numbers and amounts stand at the right. */
  readonly right?: boolean;
  /** The width to which a cell may be cut where the table is too wide. Without it a cell is never cut. */
  readonly shrinksTo?: number;
  /** Columns with a rank are left out where the table is too wide, the highest first. */
  readonly rank?: number;
  readonly tone?: (row: Row) => Tone | null;
};

const GAP = '  ';

/** Lines without a line break at the end. */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  terminal: Terminal,
): string[] {
  const used = columns.filter((column) => rows.some((row) => column.cell(row) !== ''));
  const cells = rows.map((row) => used.map((column) => safe(column.cell(row))));
  const natural = used.map((column, index) =>
    Math.max(stringWidth(column.head), ...cells.map((line) => stringWidth(line[index] ?? ''))),
  );
  const kept = fitting(used, natural, terminal.width);
  if (kept === null) return records(rows, used, terminal);
  const line = (texts: readonly string[], tones: (index: number) => Tone | null): string =>
    kept
      .map(({ index, width }, place) => {
        const text = cut(texts[index] ?? '', width);
        const pad = ' '.repeat(width - stringWidth(text));
        const shown = painted(text, tones(index), terminal);
        if (used[index]?.right === true) return pad + shown;
        return place === kept.length - 1 ? shown : shown + pad;
      })
      .join(GAP)
      .trimEnd();
  return [
    line(
      used.map(({ head }) => head.toUpperCase()),
      () => 'bold',
    ),
    ...rows.map((row, number) => line(cells[number] ?? [], (index) => used[index]?.tone?.(row) ?? null)),
  ];
}

type Kept = { readonly index: number; readonly width: number };

/** Which columns are shown, and how wide; null where not even those without a rank fit. */
function fitting<Row>(
  columns: readonly Column<Row>[],
  natural: readonly number[],
  widthMax: number,
): Kept[] | null {
  let kept = columns.map((column, index) => ({ column, index, width: natural[index] ?? 0 }));
  for (;;) {
    const spare = widthMax - total(kept);
    if (spare >= 0) return kept;
    const shrunk = shrink(kept, -spare);
    if (total(shrunk) <= widthMax) return shrunk;
    const ranks = kept.map(({ column }) => column.rank ?? 0);
    const highest = Math.max(...ranks);
    if (highest === 0) return null;
    const last = ranks.lastIndexOf(highest);
    kept = kept.filter((_, place) => place !== last);
  }
}

function total(kept: readonly { readonly width: number }[]): number {
  return kept.reduce((sum, { width }) => sum + width, 0) + GAP.length * Math.max(0, kept.length - 1);
}

/** Takes from the widest column that may give, one after the other. */
function shrink<Each extends { readonly column: { readonly shrinksTo?: number }; readonly width: number }>(
  kept: readonly Each[],
  excess: number,
): Each[] {
  const widths = kept.map(({ width }) => width);
  const least = kept.map(({ column, width }) => Math.min(width, column.shrinksTo ?? width));
  for (let left = excess; left > 0; left -= 1) {
    const spare = widths.map((width, index) => (width > (least[index] ?? 0) ? width : -1));
    const widest = spare.indexOf(Math.max(...spare));
    if ((spare[widest] ?? -1) < 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return kept.map((each, index) => ({ ...each, width: widths[index] ?? 0 }));
}

/** Cuts between graphemes, so that no visible character is halved. */
function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let shown = '';
  for (const { segment } of new Intl.Segmenter('en').segment(text)) {
    if (stringWidth(shown + segment) > width - 1) break;
    shown += segment;
  }
  return `${shown}…`;
}

function records<Row>(rows: readonly Row[], columns: readonly Column<Row>[], terminal: Terminal): string[] {
  return rows.flatMap((row, number) => [
    ...(number === 0 ? [] : ['']),
    ...fields(
      columns.map((column) => [column.head, column.cell(row)]),
      terminal,
    ),
  ]);
}

/** `name  value` lines of one thing, the values below each other. What is empty is left out. */
export function fields(pairs: readonly (readonly [string, string])[], terminal: Terminal): string[] {
  const shown = pairs.filter(([, value]) => value !== '');
  const width = Math.max(...shown.map(([name]) => stringWidth(name)), 0);
  const indent = ' '.repeat(width + GAP.length);
  return shown.flatMap(([name, value]) => {
    const label = painted(name + ' '.repeat(width - stringWidth(name)), 'dim', terminal);
    return wrapped(safe(value), terminal.width - indent.length).map(
      (line, number) => (number === 0 ? label + GAP : indent) + line,
    );
  });
}

/** Lines of at most this width, broken between words. A longer word, such as an id, stays whole. */
export function wrapped(text: string, width: number): string[] {
  if (stringWidth(text) <= width) return [text];
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || stringWidth(line) + 1 + stringWidth(word) > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
