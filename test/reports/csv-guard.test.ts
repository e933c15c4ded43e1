/** No cell that a user named is a formula, neither in the server's CSV nor in the page's. */
import { describe, expect, it } from '@jest/globals';
import { FORMULA as FORMULA_OF_THE_PAGE, toCsv } from '../../packages/console/src/parts/csv.js';
import { csvLine, FORMULA } from '../../src/reports/csv.js';

const HIDDEN = [
  '',
  ' ',
  ' \t',
  '\t',
  '\r',
  '\n',
  '\u00a0',
  '\ufeff',
  '\u200b',
  '\u200e',
  '\u2060',
  '\u3000',
  '\u00ad',
  '\u0000',
  '\u061c',
  '\u3164',
];
const SIGNS = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
const serversCell = (text: string) => csvLine([text], ['text']);
const pagesCell = (text: string) => toCsv([[text]]);

it('both have the one rule', () => {
  expect(FORMULA_OF_THE_PAGE.toString()).toBe(FORMULA.toString());
});

describe.each([
  ['the server', serversCell],
  ['the page', pagesCell],
])('a cell of %s', (_who, cell) => {
  it.each(HIDDEN.map((hidden) => [JSON.stringify(hidden), hidden] as const))(
    'is no formula behind %s',
    (_shown, hidden) => {
      for (const sign of SIGNS) expect(cell(`${hidden}${sign}cmd|x`)).toMatch(/^"?'/u);
    },
  );

  it.each(['a=b', 'a-b', 'llama-3', ' a', 'é', 'a@b', '1+1', 'gpt\u200b-4'])(
    'with %j is left as it is',
    (text) => {
      expect(cell(text)).not.toContain("'");
    },
  );
});

it('numbers stay numbers', () => {
  expect(csvLine(['-1.5'], ['number'])).toBe('-1.5\r\n');
  expect(toCsv([['-1.5', -2, '0.000000000001']])).toBe('-1.5,-2,0.000000000001\r\n');
});
