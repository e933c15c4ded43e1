/** A table over as many pages as it takes: each page repeats its head, no item is split, and the total is on the page of the last item. */
import type { Cell, Item, Table } from './statement-contents.js';
import { LINE_HEIGHT, TEXT_SIZE, type PdfPages, type Piece } from './pdf-pages.js';

const GAP = 8;
const PADDING = 3;
const LINE = TEXT_SIZE * LINE_HEIGHT;
const SMALL = { size: 7, isMuted: true } as const;
const HAIRLINE = '#cccccc';
/** Items laid out without a pause. */
const ITEMS_AT_ONCE = 10;

/** One line of a cell: pieces of text beside each other. */
type CellLine = readonly Piece[];
type Box = {
  readonly x: number;
  readonly width: number;
  readonly isNumber: boolean;
  readonly lines: readonly CellLine[];
};
type LaidRow = { readonly boxes: readonly Box[]; readonly height: number };
type LaidItem = {
  readonly names: readonly Box[];
  readonly rows: readonly LaidRow[];
  readonly height: number;
};

export async function drawTable(
  pages: PdfPages,
  table: Table,
  otherWork: () => Promise<void>,
): Promise<void> {
  const places = placesOf(table, pages.width);
  const head = headOf(pages, table, places);
  const total = totalOf(pages, table, places);
  const [first] = table.items;
  const least =
    40 + head.height + (first === undefined ? 0 : layItem(pages, first, places).height) + total.height;
  if (pages.room < Math.min(least, pages.roomMax)) pages.next();
  else pages.space(18);
  pages.paragraph(table.title, { size: 12, isBold: true });
  pages.space(3);
  drawHead(pages, head);
  for (const [index, item] of table.items.entries()) {
    const laid = layItem(pages, item, places);
    const isLast = index === table.items.length - 1;
    if (pages.room < laid.height + (isLast ? total.height : 0)) {
      pages.next();
      drawHead(pages, head);
    }
    drawItem(pages, laid);
    if (index % ITEMS_AT_ONCE === ITEMS_AT_ONCE - 1) await otherWork();
  }
  pages.rule(1);
  drawRow(pages, total);
}

type Place = { readonly x: number; readonly width: number; readonly isNumber: boolean };

function placesOf({ columns }: Table, width: number): Place[] {
  let x = 0;
  return columns.map((column, index) => {
    const whole = (width * column.width) / 100;
    const gap = index === columns.length - 1 ? 0 : GAP;
    const place = { x, width: whole - gap, isNumber: column.isNumber };
    x += whole;
    return place;
  });
}

function headOf(pages: PdfPages, { columns }: Table, places: readonly Place[]): LaidRow {
  if (columns.every(({ name }) => name === '')) return { boxes: [], height: 0 };
  const boxes = columns.map(({ name }, index) =>
    boxOf(pages, [{ text: name, size: 7.5, isBold: true, isMuted: true }], places[index]!),
  );
  return rowOf(boxes);
}

function drawHead(pages: PdfPages, head: LaidRow): void {
  if (head.boxes.length === 0) return;
  drawRow(pages, head);
  pages.rule(0.75, '#888888');
}

function totalOf(pages: PdfPages, { total }: Table, places: readonly Place[]): LaidRow {
  const last = places.at(-1)!;
  const name = boxOf(pages, [{ text: total.name, isBold: true }], {
    ...last,
    x: 0,
    isNumber: false,
    width: last.x - GAP,
  });
  return rowOf([name, boxOf(pages, [{ text: total.amount, isBold: true }], last)]);
}

function layItem(pages: PdfPages, { names, rows }: Item, places: readonly Place[]): LaidItem {
  const shared = names.map((cell, index) => cellBox(pages, cell, places[index]!));
  const laid = rows.map((cells) => {
    const missing = places.length - names.length - cells.length;
    const own = cells.map((cell, index) => {
      const place = places[names.length + index + (index === 0 ? 0 : missing)]!;
      if (index > 0 || missing === 0) return cellBox(pages, cell, place);
      const last = places[names.length + missing]!;
      return cellBox(pages, cell, { ...place, isNumber: false, width: last.x + last.width - place.x });
    });
    return rowOf(own);
  });
  const ofRows = laid.reduce((sum, { height }) => sum + height, 0);
  return { names: shared, rows: laid, height: Math.max(ofRows, rowOf(shared).height) };
}

function drawItem(pages: PdfPages, { names, rows, height }: LaidItem): void {
  const top = pages.y;
  drawBoxes(pages, names, top + PADDING);
  for (const row of rows) drawRow(pages, row);
  pages.y = top + height;
  pages.rule(0.5, HAIRLINE);
}

function drawRow(pages: PdfPages, { boxes, height }: LaidRow): void {
  drawBoxes(pages, boxes, pages.y + PADDING);
  pages.y += height;
}

function drawBoxes(pages: PdfPages, boxes: readonly Box[], top: number): void {
  for (const { x, width, isNumber, lines } of boxes) {
    for (const [index, line] of lines.entries()) {
      let from = isNumber ? x + width - widthOf(pages, line) : x;
      for (const piece of line) {
        pages.put(piece, from, top + index * LINE);
        from += pages.widthOf(piece);
      }
    }
  }
}

function rowOf(boxes: readonly Box[]): LaidRow {
  const lines = Math.max(1, ...boxes.map((box) => box.lines.length));
  return { boxes, height: lines * LINE + 2 * PADDING };
}

function widthOf(pages: PdfPages, line: CellLine): number {
  return line.reduce((sum, piece) => sum + pages.widthOf(piece), 0);
}

/** The small text stands behind the main text if it fits, and otherwise below it. */
function cellBox(pages: PdfPages, { text, small, notes = [] }: Cell, place: Place): Box {
  // A number stays in one piece, also where it is wider than its column: there is room to its left.
  const width = place.isNumber ? Infinity : place.width;
  const lines: CellLine[] = text === '' ? [] : pages.broken({ text }, width).map((piece) => [piece]);
  if (small !== undefined) {
    const beside: Piece = { text: small, ...SMALL };
    const last = lines.at(-1) ?? [];
    if (widthOf(pages, [...last, beside]) <= place.width) lines.splice(-1, 1, [...last, beside]);
    else lines.push(...pages.broken({ ...beside, text: small.trim() }, place.width).map((piece) => [piece]));
  }
  for (const note of notes)
    lines.push(...pages.broken({ text: note, ...SMALL }, place.width).map((piece) => [piece]));
  return { ...place, lines };
}

function boxOf(pages: PdfPages, [piece]: readonly [Piece], place: Place): Box {
  return { ...place, lines: pages.broken(piece, place.width).map((line) => [line]) };
}
