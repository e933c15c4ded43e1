import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseUsd } from '../../src/domain/money.js';
import { forecast } from '../../src/reports/forecast.js';

const usd = (amount: string): bigint => parseUsd(amount, 'test');
const days = (count: number, amount: (index: number) => string): bigint[] =>
  Array.from({ length: count }, (_, index) => usd(amount(index)));

/** Noon of Sunday, 22 November 2026: half of today and eight days are left. */
const NOON = new Date('2026-11-22T12:00:00Z');

const alone = (dailyPicos: readonly bigint[], more: Partial<Parameters<typeof forecast>[0]> = {}) =>
  forecast({
    at: NOON,
    monthToDatePicos: usd('100'),
    roomPicos: null,
    series: [{ dailyPicos, roomPicos: null }],
    ...more,
  });

describe('the forecast', () => {
  it('is the month to date and, for each day left, the mean of its weekdays', () => {
    expect(alone(days(28, () => '10'))).toEqual({
      forecastPicos: usd('185'),
      lowPicos: usd('185'),
      highPicos: usd('185'),
      capped: false,
    });
  });

  it('distinguishes weekdays from weekends', () => {
    // 25 October was a Sunday; Saturdays and Sundays cost nothing here.
    const workdays = days(28, (index) => (index % 7 === 0 || index % 7 === 6 ? '0' : '10'));
    expect(alone(workdays)?.forecastPicos).toBe(usd('160'));
  });

  it('ranges from the cheapest to the most expensive of the same weekdays', () => {
    const byWeek = days(28, (index) => ['1', '2', '3', '6'][Math.floor(index / 7)]!);
    expect(alone(byWeek)).toMatchObject({
      lowPicos: usd('108.5'),
      forecastPicos: usd('125.5'),
      highPicos: usd('151'),
    });
  });

  it('is null with less than three days of data, and with three treats all days alike', () => {
    expect(alone([])).toBeNull();
    expect(alone(days(2, () => '10'))).toBeNull();
    expect(alone(days(3, () => '10'))?.forecastPicos).toBe(usd('185'));
  });

  it('stops where the caps stop it, and says so', () => {
    expect(
      alone(
        days(28, () => '10'),
        { roomPicos: usd('85') },
      ),
    ).toMatchObject({
      forecastPicos: usd('185'),
      capped: false,
    });
    expect(
      alone(
        days(28, () => '10'),
        { roomPicos: usd('84.99') },
      ),
    ).toMatchObject({
      forecastPicos: usd('184.99'),
      capped: true,
    });
    expect(
      alone(
        days(28, () => '10'),
        { roomPicos: usd('0') - usd('5') },
      ),
    ).toMatchObject({
      forecastPicos: usd('100'),
      capped: true,
    });
  });

  it("stops a project at its own cap and leaves the others' spend as it is", () => {
    const series = [
      { dailyPicos: days(28, () => '10'), roomPicos: null },
      { dailyPicos: days(28, () => '10'), roomPicos: usd('5') },
    ];
    expect(alone([], { series })).toMatchObject({ forecastPicos: usd('190'), capped: true });
  });

  it('on the last instant of a month is the month to date', () => {
    const at = new Date('2026-11-30T23:59:59.999Z');
    expect(
      alone(
        days(28, () => '0'),
        { at },
      )?.forecastPicos,
    ).toBe(usd('100'));
  });

  it('never lies outside its range, below the month to date, or above what the caps allow', () => {
    const amount = fc.bigInt({ min: 0n, max: 10n ** 18n });
    const room = fc.option(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 19n }), { nil: null });
    fc.assert(
      fc.property(
        fc.date({ min: new Date('2026-01-01'), max: new Date('2027-12-31'), noInvalidDate: true }),
        amount,
        room,
        fc.integer({ min: 3, max: 28 }).chain((length) =>
          fc.array(
            fc.record({
              dailyPicos: fc.array(amount, { minLength: length, maxLength: length }),
              roomPicos: room,
            }),
            { minLength: 1, maxLength: 3 },
          ),
        ),
        (at, monthToDatePicos, roomPicos, series) => {
          const { lowPicos, forecastPicos, highPicos } = forecast({
            at,
            monthToDatePicos,
            roomPicos,
            series,
          })!;
          expect(monthToDatePicos <= lowPicos).toBe(true);
          expect(lowPicos <= forecastPicos).toBe(true);
          expect(forecastPicos <= highPicos).toBe(true);
          const roomLeft = roomPicos === null ? null : roomPicos > 0n ? roomPicos : 0n;
          expect(roomLeft === null || highPicos <= monthToDatePicos + roomLeft).toBe(true);
        },
      ),
    );
  });
});
