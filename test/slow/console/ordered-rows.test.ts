/** In which order a table of the console shows its rows, without a browser. */
import { describe, expect, it } from '@jest/globals';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { useOrderedRows, type SortValue } from '../../../packages/console/src/parts/ordered-rows.js';

/** As a page shows the values of these rows. */
function shown(values: readonly SortValue[], sort: string): (string | null)[] {
  const rows = values.map((value, index) => ({ value, key: String(index) }));
  const columns = [{ id: 'value', sortBy: ({ value }: { value: SortValue }) => value }];
  const keys: string[] = [];
  function Rows(): null {
    keys.push(...useOrderedRows({ columns, rows, sort, keyOf: ({ key }) => key }).map(({ key }) => key));
    return null;
  }
  renderToStaticMarkup(createElement(Rows));
  return keys.map((key) => (values[Number(key)] === null ? null : `${key}: ${values[Number(key)]}`));
}

describe("a table's rows", () => {
  it('come in both directions, numbers in names as numbers, and what has no value last', () => {
    expect(shown(['b-10', null, 'b-9', 'a'], 'value')).toEqual(['3: a', '2: b-9', '0: b-10', null]);
    expect(shown(['b-10', null, 'b-9', 'a'], '-value')).toEqual(['0: b-10', '2: b-9', '3: a', null]);
    expect(shown([2n, null, 10n, -1n], '-value')).toEqual(['2: 10', '0: 2', '3: -1', null]);
  });

  it('of the same value keep their order', () => {
    for (const sort of ['value', '-value']) expect(shown([7, 7, 7], sort)).toEqual(['0: 7', '1: 7', '2: 7']);
  });
});
