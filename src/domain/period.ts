/** Billing periods: calendar months in UTC, half open, named `2026-11`. A yearly cap uses the calendar year. */
import { HOUR_MS } from './buckets.js';

export type Period = string & { readonly brand: 'period' };

/** How long after its end a period still accepts usage that occurred in it. Later, such usage is booked in the open period. */
export const GRACE_MS = 72 * HOUR_MS;

export function periodOf(time: Date): Period {
  const [year, month] = [time.getUTCFullYear(), time.getUTCMonth() + 1];
  return `${year < 1000 ? String(year).padStart(4, '0') : year}-${month < 10 ? '0' : ''}${month}` as Period;
}

/** First instant of the period, inclusive. */
export function periodStart(period: Period): Date {
  return new Date(`${period}-01T00:00:00.000Z`);
}

/** First instant after the period. */
export function periodEnd(period: Period): Date {
  const start = periodStart(period);
  return new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 1));
}

export function yearOf(period: Period): string {
  return period.slice(0, 4);
}

/** First instant after the period's calendar year, when a yearly cap starts over. */
export function yearEnd(period: Period): Date {
  return new Date(Date.UTC(Number(yearOf(period)) + 1, 0, 1));
}

/** The period that usage is charged to: the one in which it occurred until that one's grace ends, then the one of its booking. */
export function billingPeriodOf({ occurredAt, bookedAt }: { occurredAt: Date; bookedAt: Date }): Period {
  const period = periodOf(occurredAt);
  // Most usage is booked within the grace, whenever its month ends.
  if (bookedAt.getTime() - occurredAt.getTime() < GRACE_MS) return period;
  return correctionPeriodOf({ period, bookedAt });
}

/** The period in which a correction is booked: the one that was charged until its grace ends, then the one of the booking. */
export function correctionPeriodOf({ period, bookedAt }: { period: Period; bookedAt: Date }): Period {
  return bookedAt < closesAt(period) ? period : periodOf(bookedAt);
}

/** The end of the grace. From this instant on (inclusive), nothing more is charged to the period. */
export function closesAt(period: Period): Date {
  return new Date(periodEnd(period).getTime() + GRACE_MS);
}

/** The earliest period that still accepts usage: the current one, or the one before while its grace lasts. */
export function firstOpenPeriod(at: Date): Period {
  return periodOf(new Date(at.getTime() - GRACE_MS));
}

/** The latest period whose grace is over. */
export function lastClosable(at: Date): Period {
  return periodOf(new Date(periodStart(firstOpenPeriod(at)).getTime() - 1));
}

export function hourOf(time: Date): Date {
  return new Date(hourMsOf(time));
}

/** The start of the hour, in milliseconds since 1970. */
export function hourMsOf(time: Date): number {
  return Math.floor(time.getTime() / HOUR_MS) * HOUR_MS;
}
