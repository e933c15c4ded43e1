/** Reads CSV as RFC 4180 has it, strictly: whatever another reader might take otherwise is an error. */

export function readCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at < text.length) {
    const [cell, end] = text[at] === '"' ? readQuoted(text, at + 1) : readPlain(text, at);
    row.push(cell);
    if (text[end] === ',') at = end + 1;
    else if (text.startsWith('\r\n', end)) {
      rows.push(row);
      row = [];
      at = end + 2;
    } else throw new Error(`neither a comma nor a line end at ${end}`);
  }
  if (row.length > 0) throw new Error('the last line has no end');
  return rows;
}

/** Sticky, so that a large text is never searched twice. */
const PLAIN = /[^,\r\n"]*/y;

function readPlain(text: string, start: number): [string, number] {
  PLAIN.lastIndex = start;
  const [cell = ''] = PLAIN.exec(text) ?? [];
  const end = start + cell.length;
  if (text[end] === '"') throw new Error(`a quote inside a plain cell at ${end}`);
  return [cell, end];
}

function readQuoted(text: string, start: number): [string, number] {
  for (let at = start; ;) {
    const quote = text.indexOf('"', at);
    if (quote === -1) throw new Error(`a quote at ${start} never closes`);
    if (text[quote + 1] !== '"') return [text.slice(start, quote).replaceAll('""', '"'), quote + 1];
    at = quote + 2;
  }
}
