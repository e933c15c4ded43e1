import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { usageRows } from '../../src/reports/focus-columns.js';
import { focusLine } from '../../src/reports/focus-csv.js';
import { csvPages } from '../../src/reports/focus-exports.js';
import { readFocus } from '../support/focus-checker.js';
import { aUsage, csvOf, PERIOD } from '../support/focus-rows.js';

describe('the id of a SKU', () => {
  it('is plain ASCII that CSV leaves as it is, and another one for every model', () => {
    const models = [
      '@cf/meta',
      '%40cf/meta',
      '=a',
      '-a',
      'a b',
      'gpt-4o',
      'x-cached',
      'modèle',
      '模型',
      '＝1',
      '\tx',
    ];
    const ids = models.map(
      (model) => readFocus(csvOf(usageRows(aUsage({ model }), PERIOD)))[0]?.['SkuId'] ?? '',
    );
    expect(ids).toEqual([
      '%40cf/meta-input',
      '%2540cf/meta-input',
      '%3Da-input',
      '%2Da-input',
      'a%20b-input',
      'gpt-4o-input',
      'x%2Dcached-input',
      'mod%C3%A8le-input',
      '%E6%A8%A1%E5%9E%8B-input',
      '%EF%BC%9D1-input',
      '%09x-input',
    ]);
  });
});

describe('a cell', () => {
  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', '=HYPERLINK("http://x","y")', '＝1', '-2+3;=cmd'])(
    'that a user named %j is no formula, and reads back whole',
    (model) => {
      const rows = readFocus(csvOf(usageRows(aUsage({ model }), PERIOD)));
      expect(rows[0]?.['x_Model']).toBe(`'${model}`);
    },
  );

  it.each(['a,b', 'a"b', 'a;b', 'a\r\nb', ' a ', '""', ','])('with %j reads back as it was', (model) => {
    expect(readFocus(csvOf(usageRows(aUsage({ model }), PERIOD)))[0]?.['x_Model']).toBe(model);
  });

  it('of a number may be negative', () => {
    const line = focusLine(usageRows(aUsage({ promotionalBurntPicos: 5n }), PERIOD)[3]!);
    expect(line).toMatch(/^-0\.000000000005,/);
  });
});

describe('an export', () => {
  it('of a million rows needs no more memory than one of a few thousand', async () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const row = usageRows(aUsage(), PERIOD)[0]!;
    async function* pages(): AsyncGenerator<(typeof row)[]> {
      for (let page = 0; page < 1_000; page += 1) yield Array.from({ length: 1_000 }, () => ({ ...row }));
    }
    const used: number[] = [];
    let lines = 0;
    for await (const text of csvPages(pages())) {
      lines += text.split('\r\n').length - 1;
      if (lines % 200_000 !== 1) continue;
      collect();
      used.push(process.memoryUsage().heapUsed);
    }
    expect(lines).toBe(1_000_001);
    expect(used.length).toBe(6);
    expect(Math.max(...used) - used[0]!).toBeLessThan(8 * 1024 * 1024);
  });
});
