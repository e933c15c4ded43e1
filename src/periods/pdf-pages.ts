/** The pages of a PDF: where the next line goes, and lines that are broken to a width. Lengths are points; y grows downwards. */
import { BOLD, printable, REGULAR } from './pdf-fonts.js';

const MARGIN = { top: 51, bottom: 56, side: 43 };
const MUTED = '#555555';
const INK = '#1a1a1a';
export const TEXT_SIZE = 8.5;
export const LINE_HEIGHT = 1.3;

export type Look = {
  readonly size?: number;
  readonly isBold?: boolean;
  readonly isMuted?: boolean;
};

export type Piece = Look & { readonly text: string };

export class PdfPages {
  y = MARGIN.top;
  /** Whether some character was written by its number. */
  hasNumbers = false;

  constructor(private readonly document: PDFKit.PDFDocument) {}

  get width(): number {
    return this.document.page.width - 2 * MARGIN.side;
  }

  /** The height that is left on the page. */
  get room(): number {
    return this.document.page.height - MARGIN.bottom - this.y;
  }

  /** The height of an empty page. */
  get roomMax(): number {
    return this.document.page.height - MARGIN.bottom - MARGIN.top;
  }

  next(): void {
    this.document.addPage();
    this.y = MARGIN.top;
  }

  space(height: number): void {
    this.y += height;
  }

  rule(thickness: number, color = INK): void {
    const [from, to] = [MARGIN.side, MARGIN.side + this.width];
    this.document.moveTo(from, this.y).lineTo(to, this.y).lineWidth(thickness).strokeColor(color).stroke();
  }

  /** One line at y, which stays. `from` and `to` are measured from the left margin. */
  line(text: string, of: Look & { from?: number; to?: number; isRight?: boolean } = {}): void {
    const { from = 0, to = this.width, isRight = false } = of;
    const shown = this.printable(text);
    const x = isRight ? to - this.widthOf({ ...of, text: shown }) : from;
    this.put({ ...of, text: shown }, x, this.y);
  }

  /** Broken to the width, over as many lines and pages as it takes. */
  paragraph(text: string, { width = this.width, ...look }: Look & { width?: number } = {}): void {
    const height = (look.size ?? TEXT_SIZE) * LINE_HEIGHT;
    for (const piece of this.broken({ ...look, text }, width)) {
      if (this.room < height) this.next();
      this.put(piece, 0, this.y);
      this.y += height;
    }
  }

  put({ text, size = TEXT_SIZE, isBold = false, isMuted = false }: Piece, x: number, y: number): void {
    this.document
      .font(isBold ? BOLD : REGULAR)
      .fontSize(size)
      .fillColor(isMuted ? MUTED : INK)
      .text(text, MARGIN.side + x, y, { lineBreak: false });
  }

  widthOf({ text, size = TEXT_SIZE, isBold = false }: Piece): number {
    return this.document
      .font(isBold ? BOLD : REGULAR)
      .fontSize(size)
      .widthOfString(text);
  }

  /**
   * The lines of a text, as the font can print it: broken at blanks. A word that is longer than a line is broken after punctuation, or else
   * anywhere.
   */
  broken(piece: Piece, width: number): Piece[] {
    const lines: string[] = [];
    let line = '';
    const fits = (text: string): boolean => this.widthOf({ ...piece, text }) <= width;
    for (const word of this.printable(piece.text).split(' ')) {
      const longer = line === '' ? word : `${line} ${word}`;
      if (fits(longer)) {
        line = longer;
        continue;
      }
      if (line !== '') lines.push(line);
      line = word;
      while (!fits(line)) {
        const head = headOf(line, fits);
        lines.push(head);
        line = line.slice(head.length);
      }
    }
    return [...lines, line].map((text) => ({ ...piece, text }));
  }

  private printable(text: string): string {
    const shown = printable(text);
    this.hasNumbers ||= shown !== text;
    return shown;
  }

  /** Writes the title and `Page 2 of 5` at the foot of each page. */
  async number(title: string, otherWork: () => Promise<void>): Promise<void> {
    const { count } = this.document.bufferedPageRange();
    for (let page = 0; page < count; page += 1) {
      this.document.switchToPage(page);
      this.y = this.document.page.height - MARGIN.bottom + 22;
      const look = { size: 7.5, isMuted: true };
      this.line(title, look);
      this.line(`Page ${page + 1} of ${count}`, { ...look, isRight: true });
      if (page % 50 === 49) await otherWork();
    }
  }
}

/** The longest beginning that fits: at least one character, and up to a punctuation mark where there is one in its second half. */
function headOf(word: string, fits: (text: string) => boolean): string {
  const characters = Array.from(word);
  let count = 1;
  while (count < characters.length && fits(characters.slice(0, count + 1).join(''))) count += 1;
  const head = characters.slice(0, count).join('');
  const mark = Math.max(...['-', '_', '/', '.', ':'].map((each) => head.lastIndexOf(each)));
  return mark >= head.length / 2 ? head.slice(0, mark + 1) : head;
}
