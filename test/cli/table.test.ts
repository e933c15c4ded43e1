/** Tables: they fit whatever the width is, and what others wrote cannot steer the terminal. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Progress } from '../../packages/cli/src/shown/progress.js';
import { table, wrapped, type Column } from '../../packages/cli/src/shown/table.js';
import { terminalOf, type Terminal } from '../../packages/cli/src/shown/terminal.js';

type Row = { readonly id: string; readonly name: string; readonly amount: string };

const COLUMNS: readonly Column<Row>[] = [
  { head: 'id', cell: ({ id }) => id },
  { head: 'name', cell: ({ name }) => name, shrinksTo: 6 },
  { head: 'amount', cell: ({ amount }) => amount, right: true },
  { head: 'twice', cell: ({ id }) => id + id, rank: 1 },
];
const plain = (width: number): Terminal => ({ width, isColoured: false });
const rows: Row[] = [
  { id: 'grant_1', name: 'a name that is long', amount: '$1.00' },
  { id: 'grant_22', name: 'b', amount: '$1,000.00' },
];

describe('a table', () => {
  it('stands as wide as it is where there is room, numbers at the right', () => {
    expect(table(rows, COLUMNS, plain(Infinity))).toEqual([
      'ID        NAME                    AMOUNT  TWICE',
      'grant_1   a name that is long      $1.00  grant_1grant_1',
      'grant_22  b                    $1,000.00  grant_22grant_22',
    ]);
  });

  it('first cuts what may be cut, then leaves out columns by their rank, and keeps ids and amounts whole', () => {
    expect(table(rows, COLUMNS, plain(48))).toEqual([
      'ID        NAME          AMOUNT  TWICE',
      'grant_1   a name t…      $1.00  grant_1grant_1',
      'grant_22  b          $1,000.00  grant_22grant_22',
    ]);
    expect(table(rows, COLUMNS, plain(30))).toEqual([
      'ID        NAME          AMOUNT',
      'grant_1   a name t…      $1.00',
      'grant_22  b          $1,000.00',
    ]);
  });

  it('becomes records where not even its columns fit', () => {
    expect(table(rows, COLUMNS, plain(20))).toEqual([
      'id      grant_1',
      'name    a name that',
      '        is long',
      'amount  $1.00',
      'twice   grant_1grant_1',
      '',
      'id      grant_22',
      'name    b',
      'amount  $1,000.00',
      'twice   grant_22grant_22',
    ]);
  });

  it('leaves out a column that is empty in every row', () => {
    expect(table(rows, [...COLUMNS.slice(0, 1), { head: 'none', cell: () => '' }], plain(80))[0]).toBe('ID');
  });

  it('is never wider than the terminal where its whole parts fit, whatever is in it', () => {
    const row = fc.record({
      id: fc.stringMatching(/^[a-z0-9_]{1,10}$/),
      name: fc.string({ unit: 'grapheme', maxLength: 60 }),
      amount: fc.stringMatching(/^\$\d{1,6}\.\d\d$/),
    });
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 31, max: 100 }),
        (some, width) => {
          const lines = table(some, COLUMNS.slice(0, 3), plain(width));
          expect(lines).toHaveLength(some.length + 1);
          for (const line of lines) expect(wrapped(line, width)).toEqual([line]);
        },
      ),
    );
  });

  it('counts a wide character as two columns, and halves none', () => {
    const [, line] = table(
      [{ id: 'x', name: '請求書の支払い', amount: '$1.00' }],
      COLUMNS.slice(0, 3),
      plain(20),
    );
    expect(line).toBe('x   請求書…    $1.00');
  });

  it('shows control characters as their numbers', () => {
    const evil = { id: '\u001B[2J', name: 'a\nb\u202Ec', amount: '\u0007' };
    const text = table([evil], COLUMNS, plain(Infinity)).join('\n');
    expect(text).toContain(String.raw`\u{1b}[2J`);
    expect(text).toContain(String.raw`a\u{a}b\u{202e}c`);
    for (const unsafe of ['\u001B', '\u0007', '\u202E']) expect(text).not.toContain(unsafe);
  });
});

describe('the width', () => {
  it('is the terminal’s, or that of COLUMNS, and without bounds in a pipe', () => {
    expect(terminalOf({ isTTY: true, columns: 60 }, {}).width).toBe(60);
    expect(terminalOf({ isTTY: true }, {}).width).toBe(80);
    expect(terminalOf({}, { COLUMNS: '100' }).width).toBe(100);
    expect(terminalOf({}, {}).width).toBe(Infinity);
  });
});

describe('progress', () => {
  it('in a log is a line for each tenth, and one after half a minute without', () => {
    const lines: string[] = [];
    let ms = 0;
    const progress = new Progress({ write: (text) => lines.push(text) }, () => ms);
    for (const share of [0, 0.01, 0.05, 0.1, 0.12, 0.55]) progress.show(share, 'import');
    ms = 29_999;
    progress.show(0.56, 'import');
    ms = 30_000;
    progress.show(0.57, 'import');
    expect(lines).toEqual(['import, 0 %\n', 'import, 10 %\n', 'import, 55 %\n', 'import, 57 %\n']);
  });
});
