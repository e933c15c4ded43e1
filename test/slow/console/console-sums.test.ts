/** The arithmetic of the page, without a browser. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatUsd } from '@tally/client/protocol';
import { monthsName, rangeName, rangeOf } from '../../../packages/console/src/parts/calendar.js';
import { history, project, readGrants } from '../../../packages/console/src/pages/report/credits.js';
import { paceRange } from '../../../packages/console/src/pages/report/pace.js';
import { toCsv } from '../../../packages/console/src/parts/csv.js';
import {
  changePerMille,
  exactUsd,
  picosOf,
  picosPerMillion,
  readableUsd,
} from '../../../packages/console/src/parts/money.js';
import {
  byDay,
  byProjectAndModel,
  isFarAbove,
  TAIL,
  readDays,
  total,
} from '../../../packages/console/src/pages/report/sums.js';
import { change, compact, percentOf } from '../../../packages/console/src/parts/words.js';

const at = (time: string) => Date.parse(`${time}Z`) / 1000;

const aDay = (day: string, usd: string, more: object = {}) => ({
  day,
  project: 'p',
  model: 'm',
  requests: 1,
  input_tokens: 10,
  cached_input_tokens: 0,
  output_tokens: 1,
  quantities: { input: 10, output: 1 },
  cost_usd: usd,
  credits_usd: usd,
  ...more,
});

const aGrant = (more: object = {}) => ({
  id: 'g1',
  category: 'paid',
  priority: 50,
  reference: null,
  created_at: 1,
  effective_at: at('2026-11-01T00:00'),
  expires_at: null,
  voided_at: null,
  amount_usd: '10',
  remaining_usd: '10',
  burnt_usd: '0',
  voided_usd: '0',
  expired_usd: '0',
  ...more,
});

describe("the page's money", () => {
  it('reads and prints what the service prints, for every amount', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), (picos) => {
        const text = formatUsd(picos);
        expect(picosOf(text)).toBe(picos);
        expect(exactUsd(picos)).toBe(text);
      }),
    );
  });

  it.each([
    ['0', '$0.00'],
    ['0.005', '$0.0050'],
    ['0.0001065', '$0.00011'],
    ['0.000000000001', '$0.000000000001'],
    ['1234567.125', '$1,234,567.12'],
    ['1234567.135', '$1,234,567.14'],
    ['-2.5', '−$2.50'],
    ['0.999', '$1.00'],
  ])('%s reads as %s: half to even, and never as nothing', (exact, readable) => {
    expect(readableUsd(picosOf(exact))).toBe(readable);
  });

  it('refuses what is not an amount', () => {
    for (const text of ['', '1e3', '1.0000000000001', 'NaN', '1,5'])
      expect(() => picosOf(text)).toThrow('not an amount');
  });

  it('has a price per million only where there are tokens, and a change only where there was a cost before', () => {
    expect(picosPerMillion(picosOf('0.0000071'), 10)).toBe(picosOf('0.71'));
    expect(picosPerMillion(0n, 0)).toBeNull();
    expect([changePerMille(110n, 100n), changePerMille(1n, 3n), changePerMille(5n, 0n)]).toEqual([
      100,
      -667,
      null,
    ]);
  });
});

describe("the page's sums", () => {
  it('groups add up to the total whatever their number, and the tail is one group', () => {
    const rows = readDays(
      Array.from({ length: 9 }, (_, index) => aDay('2026-11-02', `${index + 1}.1`, { model: `m${index}` })),
    );
    const daily = byDay(rows, { by: 'model', show: 'cost', start: '2026-11-01', end: '2026-11-04' });
    expect(daily.days).toEqual(['2026-11-01', '2026-11-02', '2026-11-03']);
    expect(daily.groups.map(({ name, count }) => [name, count])).toEqual([
      ...[8, 7, 6, 5, 4, 3].map((index) => [`m${index}`, 1]),
      [TAIL, 3],
    ]);
    expect(exactUsd(daily.groups.reduce((sum, group) => sum + group.total.picos, 0n))).toBe('45.9');
    expect(exactUsd(daily.totals[1]!.picos)).toBe(exactUsd(total(rows).picos));
  });

  it('a model named "Other" is not the tail', () => {
    const names = ['Other', ...Array.from({ length: 8 }, (_, index) => `m${index}`)];
    const rows = readDays(names.map((model, index) => aDay('2026-11-01', String(100 - index), { model })));
    const { groups } = byDay(rows, { by: 'model', show: 'cost', start: '2026-11-01', end: '2026-11-02' });
    expect([groups[0], groups.at(-1)].map((group) => [group?.name, group?.isTail, group?.count])).toEqual([
      ['Other', false, 1],
      [TAIL, true, 3],
    ]);
  });

  it('compares whole days: the current month with the same days of the month before', () => {
    const range = rangeOf({ month: '2026-11' }, at('2026-11-22T12:00'));
    expect([range.complete, range.before]).toEqual([
      { start: '2026-11-01', end: '2026-11-22' },
      { start: '2026-10-01', end: '2026-11-01', comparedEnd: '2026-10-22' },
    ]);
    const rows = readDays([aDay('2026-11-21', '3'), aDay('2026-11-22', '100')]);
    const earlier = readDays([aDay('2026-10-21', '2'), aDay('2026-10-22', '50')]);
    const [row] = byProjectAndModel(rows, {
      complete: range.complete,
      before: { rows: earlier, comparedEnd: range.before.comparedEnd },
    });
    expect([row!.picos, row!.now, row!.earlier].map(exactUsd)).toEqual(['103', '3', '2']);
  });

  it.each([
    ['2026-03', '2026-03-31T12:00', '2026-02-01', '2026-03-01'],
    ['2026-01', '2026-11-22T12:00', '2025-12-01', '2026-01-01'],
    ['2024-03', '2026-11-22T12:00', '2024-02-01', '2024-03-01'],
  ])('%s, seen at %s, is compared with %s until %s at most', (month, asOf, start, end) => {
    const { before } = rangeOf({ month }, at(asOf));
    expect([before.start, before.comparedEnd]).toEqual([start, end]);
  });

  it('compares a range of days with as many days before it', () => {
    const range = rangeOf({ from: '2026-11-05', to: '2026-11-11' }, at('2026-11-22T12:00'));
    expect([range.end, range.before]).toEqual([
      '2026-11-12',
      { start: '2026-10-29', end: '2026-11-05', comparedEnd: '2026-11-05' },
    ]);
  });
});

describe("the page's credits", () => {
  const asOf = at('2026-11-04T12:00');
  const daily = (days: string[], credits: string[]) => ({
    days,
    totals: credits.map((usd) => ({ credits: picosOf(usd) })),
  });

  it('what was left is computed backwards from what is left now', () => {
    const grants = readGrants([
      aGrant({ amount_usd: '10', remaining_usd: '4', burnt_usd: '6' }),
      aGrant({
        id: 'g2',
        amount_usd: '5',
        remaining_usd: '0',
        expired_usd: '5',
        expires_at: at('2026-11-03T00:00'),
      }),
    ]);
    const days = daily(
      ['2026-11-01', '2026-11-02', '2026-11-03', '2026-11-04', '2026-11-05'],
      ['1', '2', '0', '3', '0'],
    );
    expect(history(grants, days, { asOf, burntAfter: 0n }).map((left) => left && exactUsd(left))).toEqual([
      '14',
      '7',
      '7',
      '4',
      null,
    ]);
  });

  it('are projected in the order in which grants burn, with what expires unused', () => {
    const grants = readGrants([
      aGrant({ remaining_usd: '10' }),
      aGrant({ id: 'soon', remaining_usd: '7', expires_at: asOf + 2 * 86_400 }),
      aGrant({ id: 'last', remaining_usd: '3', priority: 90, expires_at: asOf + 86_400 }),
    ]);
    const { lastsDays, unused, points } = project(grants, { asOf, rate: picosOf('2') });
    expect([lastsDays, [...unused]]).toEqual([
      7,
      [
        ['last', picosOf('3')],
        ['soon', picosOf('3')],
      ],
    ]);
    expect(points.map(({ left }) => exactUsd(left))).toEqual(['15', '10', '8', '6', '4', '2', '0']);
  });

  it('last for ever without usage', () => {
    expect(project(readGrants([aGrant()]), { asOf, rate: 0n }).lastsDays).toBeNull();
  });

  it('go at the pace of the last seven days, the hour that has begun included, whatever is shown', () => {
    expect(paceRange(at('2026-11-22T12:34'))).toEqual({
      start_time: at('2026-11-15T12:00'),
      end_time: at('2026-11-22T13:00'),
    });
  });
});

describe("the page's files", () => {
  it('a CSV cell never becomes a formula, and amounts stay amounts', () => {
    expect(toCsv([['=1+1', '+x', '-x', '@x', '-2.5', 'a,"b"', 7, null]])).toBe(
      `'=1+1,'+x,'-x,'@x,-2.5,"a,""b""",7,\r\n`,
    );
  });
});

describe('a cap', () => {
  it('is left out of the chart from twenty times what is drawn on, the highest forecast included', () => {
    const running = [1n, 5n, null];
    expect([100n, 101n].map((cap) => isFarAbove(cap, { running, forecast: null }))).toEqual([false, true]);
    expect(isFarAbove(101n, { running, forecast: { high: [null, 5n, 6n] } })).toBe(false);
    expect(isFarAbove(null, { running, forecast: null })).toBe(false);
  });
});

describe('words', () => {
  it.each([
    [null, '–'],
    [0, '0.0%'],
    [-1_000, '−100.0%'],
    [9_999, '+999.9%'],
    [10_000, '×11'],
    [99_000, '×100'],
    [207_504_171, 'over ×100'],
  ])('a change of %s per mille is %s', (perMille, text) => {
    expect(change(perMille)).toBe(text);
  });

  it('never show a small part of a cap as nothing', () => {
    expect([percentOf(0n, 0), percentOf(1n, 0), percentOf(1n, 1)]).toEqual(['0.0%', '<0.1%', '0.1%']);
  });

  it('tell the ticks of small amounts apart', () => {
    const ticks = [0, 0.00002, 0.00004, 0.30000000000000004, 12.5].map((value) => compact(value, 'cost'));
    expect(ticks).toEqual(['$0', '$0.00002', '$0.00004', '$0.30', '$12.50']);
  });

  it('name the year where it changes within a range', () => {
    expect(rangeName('2026-11-02', '2026-11-08')).toBe('2 Nov to 8 Nov 2026');
    expect(rangeName('2025-12-01', '2026-11-30')).toBe('1 Dec 2025 to 30 Nov 2026');
    expect(monthsName('2026-11', '2026-11')).toBe('November 2026');
    expect(monthsName('2025-12', '2026-11')).toBe('December 2025 to November 2026');
  });

  it('on an axis have the sign before the dollar', () => {
    expect([compact(-1_500, 'cost'), compact(2_500_000, 'tokens')]).toEqual(['−$1.5K', '2.5M']);
  });
});

describe('credits at a day’s end', () => {
  it('are never below zero, even where credits that were bought later paid for the usage of that day', () => {
    const grants = readGrants([
      aGrant({ amount_usd: '5', remaining_usd: '0', burnt_usd: '5', effective_at: at('2026-11-03T00:00') }),
    ]);
    const rows = readDays([aDay('2026-11-01', '5')]);
    const daily = byDay(rows, { by: 'model', show: 'cost', start: '2026-11-01', end: '2026-11-04' });
    expect(history(grants, daily, { asOf: at('2026-11-03T12:00'), burntAfter: 0n })).toEqual([0n, 0n, 0n]);
  });
});
