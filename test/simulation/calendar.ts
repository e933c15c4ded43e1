/** Months in UTC, as the model understands them. */

export const [SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS] = [1_000, 60_000, 3_600_000, 86_400_000];

/** How long usage of a month is still booked to it after its end, and a grant pays what occurred before its expiry. */
export const GRACE_MS = 72 * HOUR_MS;

/** `2026-11`. */
export function monthOf(ms: number): string {
  const date = new Date(ms);
  return `${date.getUTCFullYear()}-${String(date.getUTCMonth() + 1).padStart(2, '0')}`;
}

/** The first millisecond of the month that begins `months` after the one that the time lies in. */
export function monthStart(ms: number, months = 0): number {
  const date = new Date(ms);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1);
}

export function bookedMonth(occurredMs: number, nowMs: number): string {
  return correctedIn(monthOf(occurredMs), nowMs);
}

/** Where a change to what a month was charged is booked. */
export function correctedIn(month: string, nowMs: number): string {
  return isClosable(month, nowMs) ? monthOf(nowMs) : month;
}

/** From the end of its grace on. */
export function isClosable(month: string, nowMs: number): boolean {
  return nowMs >= monthStart(firstMs(month), 1) + GRACE_MS;
}

export function monthAfter(month: string): string {
  return monthOf(monthStart(firstMs(month), 1));
}

export function firstMs(month: string): number {
  return Date.parse(`${month}-01T00:00:00Z`);
}

export function graceEnd(ms: number): number {
  return monthStart(ms) + GRACE_MS;
}
