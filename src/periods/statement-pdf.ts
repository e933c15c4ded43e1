/**
 * A statement as a PDF. The same contents give the same bytes. A long one is laid out in parts, so that the process goes on deciding
 * meanwhile; a process makes one document at a time.
 */
import { setImmediate as otherWork } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import PdfKit from 'pdfkit';
import { TallyError } from '../domain/errors.js';
import { Gate } from '../platform/gate.js';
import { fontFiles } from './pdf-fonts.js';
import { PdfPages } from './pdf-pages.js';
import { drawTable } from './pdf-table.js';
import type { StatementContents } from './statement-contents.js';

export const STATEMENT_PDF_HEADERS = {
  'content-type': 'application/pdf',
  'x-content-type-options': 'nosniff',
};

const TITLE_SIZE = 20;
const FACTS_SHARE = 0.45;

const NOTE = { size: 7.5, isMuted: true } as const;
const NUMBERS_NOTE =
  'Text such as U+6771 in square brackets is the Unicode number of a character that the font of this PDF lacks. The statement as a web page shows the character.';

/** About 110 pages. The longest step without a pause is the last, which compresses all pages. */
const ROWS_MAX = 5_000;

/** Each document keeps a core busy while it is made. */
const gate = { name: 'statements as PDF', runningMax: 1, waitingMax: 20, waitMsMax: 30_000 };

@Injectable()
export class StatementPdf {
  private readonly gate = new Gate(gate);

  /** `madeAt` is the document's creation date: when the statement was closed, or the time of the draft. */
  async make(contents: StatementContents, madeAt: Date): Promise<Buffer> {
    const rows = contents.tables
      .flatMap(({ items }) => items)
      .reduce((sum, item) => sum + item.rows.length, 0);
    if (rows > ROWS_MAX)
      throw new TallyError(
        'invalid_request',
        `the PDF would have more than ${ROWS_MAX} lines; take the statement as HTML or JSON, or /v1/exports/focus.csv`,
        { param: 'period' },
      );
    return this.gate.pass(() => pdfOf(contents, madeAt));
  }
}

async function pdfOf(contents: StatementContents, madeAt: Date): Promise<Buffer> {
  const info = { Title: contents.title, Author: contents.seller.name, CreationDate: madeAt };
  const document = new PdfKit({
    size: 'A4',
    margin: 0,
    bufferPages: true,
    lang: 'en',
    displayTitle: true,
    pdfVersion: '1.7',
    info: { ...info, Creator: 'Tally', Producer: 'Tally' },
  });
  const chunks: Buffer[] = [];
  document.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<void>((resolve, reject) => {
    document.once('end', resolve);
    document.once('error', reject);
  });
  for (const [name, file] of fontFiles()) document.registerFont(name, file);
  const pages = new PdfPages(document);
  await otherWork();
  drawHeader(pages, contents);
  await otherWork();
  for (const table of contents.tables) {
    await drawTable(pages, table, async () => otherWork());
  }
  pages.space(18);
  for (const note of contents.footnotes) pages.paragraph(note, NOTE);
  if (pages.hasNumbers) pages.paragraph(NUMBERS_NOTE, NOTE);
  await pages.number(contents.title, async () => otherWork());
  await otherWork();
  document.end();
  await ended;
  return Buffer.concat(chunks);
}

/** Seller and buyer on the left, the facts with the amount due on the right. */
function drawHeader(pages: PdfPages, contents: StatementContents): void {
  const { seller, buyer, facts, draft } = contents;
  const top = pages.y;
  pages.paragraph('Statement', { size: TITLE_SIZE, isBold: true });
  pages.space(6);
  const left = pages.width * (1 - FACTS_SHARE) - 12;
  const named = (label: string, lines: readonly string[]): void => {
    pages.paragraph(label, { size: 7.5, isMuted: true });
    for (const [index, line] of lines.entries()) pages.paragraph(line, { width: left, isBold: index === 0 });
    pages.space(6);
  };
  named('Issued by', [seller.name, ...seller.address]);
  named('Issued to', [buyer]);
  const bottom = pages.y;
  pages.y = top + 4;
  for (const { name, value, isMain = false } of facts) {
    const from = pages.width * (1 - FACTS_SHARE);
    pages.line(name, { from, isMuted: true });
    pages.line(value, { from, isRight: true, isBold: isMain });
    pages.y += isMain ? 16 : 14;
  }
  pages.y = Math.max(pages.y, bottom) + 2;
  pages.rule(1);
  if (draft !== null) {
    pages.space(8);
    pages.paragraph(draft, { isBold: true });
  }
}
