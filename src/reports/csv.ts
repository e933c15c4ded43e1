/** CSV as RFC 4180 has it, for readers that include spreadsheets. */

export type CellKind = 'text' | 'number';
export type Cell = string | null;

/** What a spreadsheet takes for the start of a formula, also in full width. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

/** Also the semicolon: where the comma is the decimal sign, spreadsheets split at it. */
const QUOTED = /[",;\t\r\n]|^\s|\s$/;

/** One line with its line end. Null is an empty cell; a text that a spreadsheet would run as a formula gets an apostrophe in front. */
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
