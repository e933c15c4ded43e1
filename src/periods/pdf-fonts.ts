/**
 * The fonts of PDFs: DejaVu Sans, from its package. It has Latin, Greek, Cyrillic and more, but no Chinese, Japanese or Korean characters. Only
 * its glyphs are used, not its rules for joining and kerning them: reading those would stop the process for a tenth of a second a document.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { create, type Font } from 'fontkit';

export const REGULAR = 'regular';
export const BOLD = 'bold';

const FILES = new Map([
  [REGULAR, 'DejaVuSans.ttf'],
  [BOLD, 'DejaVuSans-Bold.ttf'],
]);

/** Rules for joining, kerning and placing glyphs. */
const LEFT_OUT = new Set(['GDEF', 'GPOS', 'GSUB', 'kern']);
const DIRECTORY_OFFSET = 12;
const RECORD_BYTES = 16;

const require = createRequire(import.meta.url);
let files: ReadonlyMap<string, Buffer> | null = null;
let regular: Font | null = null;

/** Read at the first document. */
export function fontFiles(): ReadonlyMap<string, Buffer> {
  files ??= new Map(
    [...FILES].map(([name, file]) => [
      name,
      withoutLayout(readFileSync(require.resolve(`dejavu-fonts-ttf/ttf/${file}`))),
    ]),
  );
  return files;
}

/** The same font with a shorter directory of tables, as OpenType lays it out: a header of 12 bytes, then 16 bytes for each table. */
function withoutLayout(font: Buffer): Buffer {
  const count = font.readUInt16BE(4);
  const records = Array.from({ length: count }, (_, index) => {
    const start = DIRECTORY_OFFSET + index * RECORD_BYTES;
    return font.subarray(start, start + RECORD_BYTES);
  });
  const kept = records.filter((record) => !LEFT_OUT.has(record.toString('latin1', 0, 4)));
  const shorter = Buffer.from(font);
  Buffer.concat(kept).copy(shorter, DIRECTORY_OFFSET);
  shorter.writeUInt16BE(kept.length, 4);
  return shorter;
}

/** Writes a character that the font lacks, or that is invisible, by its number: no name prints as another one, or as nothing. */
export function printable(text: string): string {
  regular ??= create(fontFiles().get(REGULAR)!) as Font;
  const font = regular;
  return Array.from(text, (character) => {
    const point = character.codePointAt(0)!;
    const isShown = !/^[\p{C}\p{Zl}\p{Zp}]$/u.test(character) && font.hasGlyphForCodePoint(point);
    return isShown ? character : `[U+${point.toString(16).toUpperCase().padStart(4, '0')}]`;
  }).join('');
}
