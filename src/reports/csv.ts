/** CSV by RFC 4180, safe to open in a spreadsheet. */

export type CellKind = 'text' | 'number';
export type Cell = string | null;

/**
 * What spreadsheets take for the start of a formula, full-width characters included, and also behind what they skip or do not show: white
 * space of any kind, control characters, byte order marks and other characters without width.
 */
export const FORMULA =
  /^(?:[\t\r\n]|[\s\p{Cc}\p{Cf}\p{Z}\u034f\u115f\u1160\u2800\u3164\uffa0]*[=+\-@＝＋－＠﹦﹢﹣﹫])/u;

/** The semicolon too: spreadsheets split at it where the comma is the decimal sign. */
const QUOTED = /[",;\t\r\n]|^\s|\s$/;

/** One line with its line end. Null is an empty cell. A text that a spreadsheet would run as a formula gets an apostrophe in front. */
export function csvLine(cells: readonly Cell[], kinds: readonly CellKind[]): string {
  const printed = cells.map((cell, index) => {
    if (cell === null) return '';
    return kinds[index] === 'number' ? cell : textCell(cell);
  });
  return `${printed.join(',')}\r\n`;
}

function textCell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return QUOTED.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
