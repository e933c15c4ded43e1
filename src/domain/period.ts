/** Billing periods: calendar months in UTC, half open, named `2026-11`. A yearly cap uses the calendar year. */

export type Period = string & { readonly brand: 'period' };

const PERIOD = /^(\d{4})-(0[1-9]|1[0-2])$/;
const HOUR_MS = 3_600_000;

/** How long after its end a period still takes usage that occurred in it. Afterwards such usage is a correction in the open one. */
export const GRACE_MS = 72 * HOUR_MS;

export function periodOf(time: Date): Period {
  return time.toISOString().slice(0, 7) as Period;
}

export function parsePeriod(text: string): Period | null {
  return PERIOD.test(text) ? (text as Period) : null;
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

/** First instant after the calendar year that the period lies in: when a yearly cap starts anew. */
export function yearEnd(period: Period): Date {
  return new Date(Date.UTC(Number(yearOf(period)) + 1, 0, 1));
}

/** The period that is charged: the one it occurred in while that is open (to the end of the grace), afterwards the one it is booked in. */
export function billingPeriodOf(time: { occurredAt: Date; bookedAt: Date }): Period {
  return correctionPeriodOf({ period: periodOf(time.occurredAt), bookedAt: time.bookedAt });
}

/** The period that a change to what was charged is booked in: the charged one while that is open, afterwards the one of the booking. */
export function correctionPeriodOf({ period, bookedAt }: { period: Period; bookedAt: Date }): Period {
  return bookedAt < closesAt(period) ? period : periodOf(bookedAt);
}

/** The end of the grace: from here on (inclusive) nothing is charged to the period any more. */
export function closesAt(period: Period): Date {
  return new Date(periodEnd(period).getTime() + GRACE_MS);
}

/** The latest period whose grace is over. */
export function lastClosable(at: Date): Period {
  const graceOver = periodOf(new Date(at.getTime() - GRACE_MS));
  return periodOf(new Date(periodStart(graceOver).getTime() - 1));
}

export function hourOf(time: Date): Date {
  return new Date(Math.floor(time.getTime() / HOUR_MS) * HOUR_MS);
}
