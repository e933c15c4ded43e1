import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isInWindows, parseUtcWindow, turnsBetween, weekdayOf } from '../../src/domain/utc-windows.js';
import { instant, utcWindow } from '../support/random-prices.js';
import { isWithin } from './price-model.js';

const at = (time: string): Date => new Date(`2026-11-22T${time}Z`);

describe('windows of the day', () => {
  it('are half open, and go through midnight where they end before they begin', () => {
    const night = [parseUtcWindow('16:30-00:30')!];
    const times = ['16:29:59.999', '16:30:00', '23:59:59', '00:00:00', '00:29:59.999', '00:30:00'];
    expect(times.map((time) => isInWindows(at(time), night))).toEqual([false, true, true, true, true, false]);
  });

  it('may end at midnight and may last all day', () => {
    const evening = [parseUtcWindow('18:00-24:00')!];
    expect(parseUtcWindow('18:00-00:00')).toEqual(evening[0]);
    expect(
      ['17:59:59', '18:00:00', '23:59:59', '00:00:00'].map((time) => isInWindows(at(time), evening)),
    ).toEqual([false, true, true, false]);
    for (const text of ['00:00-24:00', '05:00-05:00']) {
      expect(
        ['00:00:00', '04:59:59', '05:00:00', '23:59:59'].map((time) =>
          isInWindows(at(time), [parseUtcWindow(text)!]),
        ),
      ).toEqual([true, true, true, true]);
    }
  });

  it.each([
    '',
    '16:30',
    '24:00-01:00',
    '9:00-10:00',
    '09:60-10:00',
    '09:00-24:30',
    ' 09:00-10:00',
    '09:00–10:00',
  ])('do not read %j', (text) => {
    expect(parseUtcWindow(text)).toBeNull();
  });

  it('hold exactly in their minutes', () => {
    const same = fc.property(fc.array(utcWindow, { maxLength: 3 }), instant, (windows, time) => {
      expect(isInWindows(time, windows)).toBe(windows.some((window) => isWithin(window, time)));
    });
    fc.assert(same);
  });

  it('count days from Monday to Sunday', () => {
    expect(weekdayOf(at('23:59:59.999'))).toBe(7);
    expect(weekdayOf(new Date('2026-11-23T00:00:00Z'))).toBe(1);
  });
});

describe('turns', () => {
  it('are all instants at which a window or the day may change, and no others', () => {
    const complete = fc.property(
      fc.array(utcWindow, { maxLength: 2 }),
      instant,
      fc.nat(30 * 60),
      (windows, from, minutes) => {
        const to = new Date(from.getTime() + minutes * 60_000);
        const turns = turnsBetween(from, to, windows);
        expect(turns.every((turn) => turn > from && turn <= to)).toBe(true);
        const stateAt = (time: Date) =>
          [weekdayOf(time), ...windows.map((window) => isInWindows(time, [window]))].join();
        const met = new Set([from, ...turns].map(stateAt));
        for (let ms = from.getTime(); ms <= to.getTime(); ms += 60_000) {
          expect(met).toContain(stateAt(new Date(ms)));
        }
        expect(met).toContain(stateAt(to));
      },
    );
    fc.assert(complete, { numRuns: 50 });
  });

  it('are none where nothing lies between', () => {
    const window = parseUtcWindow('16:30-00:30')!;
    expect(turnsBetween(at('16:30:00'), at('16:30:00'), [window])).toEqual([]);
    expect(turnsBetween(at('16:29:59'), at('16:30:00'), [window])).toEqual([at('16:30:00')]);
  });
});
