import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  billingPeriodOf,
  closesAt,
  correctionPeriodOf,
  GRACE_MS,
  hourOf,
  lastClosable,
  periodEnd,
  periodOf,
  periodStart,
  yearEnd,
  type Period,
} from '../../src/domain/period.js';

const times = fc.date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });

describe('period', () => {
  it('contains its own times, start inclusive and end exclusive', () => {
    fc.assert(
      fc.property(times, (time) => {
        const period = periodOf(time);
        expect(periodStart(period) <= time && time < periodEnd(period)).toBe(true);
        expect(periodOf(periodStart(period))).toBe(period);
        expect(periodOf(periodEnd(period))).not.toBe(period);
        expect(periodOf(new Date(periodEnd(period).getTime() - 1))).toBe(period);
      }),
    );
  });

  it('is a calendar month in UTC, leap years and year ends included', () => {
    expect(periodOf(new Date('2026-12-31T23:59:59.999Z'))).toBe('2026-12');
    expect(periodOf(new Date('2026-12-31T23:30:00-01:00'))).toBe('2027-01');
    expect(periodEnd(periodOf(new Date('2028-02-29T12:00:00Z')))).toEqual(new Date('2028-03-01T00:00:00Z'));
    expect(yearEnd(periodOf(new Date('2026-12-31T23:59:59Z')))).toEqual(new Date('2027-01-01T00:00:00Z'));
  });

  it('charges usage to the month in which it occurred until the grace ends, then to the open month', () => {
    const occurredAt = new Date('2026-10-31T23:00:00Z');
    const graceEnd = periodEnd(periodOf(occurredAt)).getTime() + GRACE_MS;
    expect(billingPeriodOf({ occurredAt, bookedAt: new Date(graceEnd - 1) })).toBe('2026-10');
    expect(billingPeriodOf({ occurredAt, bookedAt: new Date(graceEnd) })).toBe('2026-11');
  });

  it('rounds a time down to its hour', () => {
    expect(hourOf(new Date('2026-11-22T19:59:59.999Z'))).toEqual(new Date('2026-11-22T19:00:00Z'));
  });
});

describe('the close of a period', () => {
  it('is possible from the end of the grace, which no longer belongs to the period', () => {
    expect(closesAt('2026-11' as Period)).toEqual(new Date('2026-12-04T00:00:00Z'));
    expect(lastClosable(new Date('2026-12-03T23:59:59.999Z'))).toBe('2026-10');
    expect(lastClosable(new Date('2026-12-04T00:00:00Z'))).toBe('2026-11');
    expect(lastClosable(new Date('2027-01-04T00:00:00Z'))).toBe('2026-12');
    expect(lastClosable(new Date('2028-03-02T23:59:59Z'))).toBe('2028-01');
  });

  it('sends corrections to the open period, but not before the grace ends', () => {
    const period = '2026-11' as Period;
    const at = (time: string) => correctionPeriodOf({ period, bookedAt: new Date(time) });
    expect([at('2026-11-10T00:00:00Z'), at('2026-12-03T23:59:59.999Z'), at('2026-12-04T00:00:00Z')]).toEqual([
      '2026-11',
      '2026-11',
      '2026-12',
    ]);
  });
});
