/** What the command line reads and writes: amounts without a float, times in UTC. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { money, readPositiveUsd, readUsd, roundMoney } from '../../packages/cli/src/amounts.js';
import { changedFields } from '../../packages/cli/src/shown/changed-fields.js';
import {
  duration,
  moment,
  readDuration,
  readPeriod,
  readSince,
  readTime,
} from '../../packages/cli/src/times.js';

describe('an amount', () => {
  it.each([
    ['500', '500'],
    ['$500', '500'],
    ['1000.50', '1000.5'],
    ['0.000000000001', '0.000000000001'],
    ['007', '7'],
    ['0', '0'],
    ['1000000000000', '1000000000000'],
  ])('%s is read as %s', (text, usd) => {
    expect(readUsd(text)).toBe(usd);
  });

  it.each([
    ['$1,000.50', 'such as 5000 or 0.25, without commas'],
    ['1,5', 'such as 5000 or 0.25, without commas'],
    ['1e3', 'such as 5000 or 0.25, without commas'],
    ['-5', 'such as 5000 or 0.25, without commas'],
    ['.5', 'such as 5000 or 0.25, without commas'],
    ['5.', 'such as 5000 or 0.25, without commas'],
    ['', 'such as 5000 or 0.25, without commas'],
    ['five', 'such as 5000 or 0.25, without commas'],
    ['Infinity', 'such as 5000 or 0.25, without commas'],
    ['0.0000000000001', 'at most 12 decimals'],
    ['1000000000001', 'at most 1000000000000'],
  ])('%j is refused, and the reason says how it is written', (text, reason) => {
    expect(() => readUsd(text)).toThrow(reason);
  });

  it('of nothing is no amount to buy', () => {
    expect(() => readPositiveUsd('0.00')).toThrow('must be more than 0');
  });

  it('keeps every digit, whatever it is', () => {
    const cents = fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 11n }), fc.stringMatching(/^\d{0,11}[1-9]$/));
    fc.assert(
      fc.property(cents, ([whole, fraction]) => {
        const text = `${whole}.${fraction}`;
        expect(readUsd(text)).toBe(text);
        expect(money(text).replaceAll(/[$,]/g, '')).toBe(fraction.length === 1 ? `${text}0` : text);
      }),
    );
  });

  it.each([
    ['1234567.5', '$1,234,567.50', '$1,234,567.50'],
    ['-0.00071', '-$0.00071', '-$0.00071'],
    ['0', '$0.00', '$0.00'],
    ['0.00130356', '$0.00130356', '$0.0013'],
    ['10.40893798', '$10.40893798', '$10.41'],
    ['0.015', '$0.015', '$0.02'],
    ['0.025', '$0.025', '$0.02'],
    ['0.000000000001', '$0.000000000001', '$0.000000000001'],
    ['0.0000996', '$0.0000996', '$0.0001'],
  ])('%s shows as %s, and in an overview as %s', (usd, exact, rounded) => {
    expect([money(usd), roundMoney(usd)]).toEqual([exact, rounded]);
  });
});

describe('a time', () => {
  const now = Date.parse('2026-11-29T12:00:00Z');

  it('is a day or a time with its offset', () => {
    expect(readTime('2026-12-31')).toBe('2026-12-31T00:00:00.000Z');
    expect(readTime('2026-12-31T18:00:00+02:00')).toBe('2026-12-31T16:00:00.000Z');
  });

  it.each(['tomorrow', '2026-02-31', '31.12.2026', '2026-12-31T18:00:00', '1764547200', ''])(
    '%j is refused',
    (text) => {
      expect(() => readTime(text)).toThrow('must be a day such as 2026-12-31');
    },
  );

  it('may be how long ago', () => {
    expect(readSince('24h', now)).toBe(now / 1000 - 86_400);
    expect(readSince('2026-11-01', now)).toBe(Date.parse('2026-11-01') / 1000);
    expect(() => readSince('yesterday', now)).toThrow('24h or 7d');
    expect([readDuration('7d'), readDuration('0s'), readDuration('2w')]).toEqual([604_800, 0, 1_209_600]);
    expect(() => readDuration('7')).toThrow('30m, 24h or 7d');
  });

  it('of a month is a year and a month', () => {
    expect(readPeriod('2026-11')).toBe('2026-11');
    expect(() => readPeriod('2026-13')).toThrow('2026-11');
  });

  it('shows in UTC, and a length of time in two units', () => {
    expect([moment(0), moment('2026-11-29T23:59:59Z'), moment(null)]).toEqual([
      '1970-01-01 00:00',
      '2026-11-29 23:59',
      '–',
    ]);
    expect([duration(59), duration(90), duration(5_400), duration(90_000)]).toEqual([
      '59 s',
      '1 min 30 s',
      '1 h 30 min',
      '1 d 1 h',
    ]);
  });
});

describe('what an audit entry changed', () => {
  it('is each field that differs, amounts in dollars', () => {
    const before = { monthly_cap_picos: '100000000000000', plan: 'free', overage: 'blocked' };
    const after = { monthly_cap_picos: '1000000000000000', plan: 'free', overage: null };
    expect(changedFields({ before, after })).toBe(
      'monthly_cap: $100.00 → $1,000.00, overage: blocked → none',
    );
    expect(changedFields({ before: null, after: { name: 'x' } })).toBe('name: x');
    expect(changedFields({ before: { name: 'x' }, after: null })).toBe('name: x → gone');
  });

  it('is each field of a group too, and none that is not set', () => {
    const mended = { usage_format: null, subject: 'acme/chat', time: null, model: 'x' };
    expect(changedFields({ before: { status: 'open' }, after: { status: 'replayed', mended } })).toBe(
      'status: open → replayed, mended.subject: acme/chat, mended.model: x',
    );
  });
});
