/** Times in UTC, and said so. The API writes Unix seconds. */

const DAY_SECONDS = 86_400;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MONTH_NAMES = [
  'January', 'February', 'March', 'April', 'May', 'June',
  'July', 'August', 'September', 'October', 'November', 'December',
]; // prettier-ignore

export function nowSeconds(): number {
  return Math.floor(Date.now() / 1_000);
}

/** Of `2026-11-21T14:02:11.250Z`, in whole seconds, as the API takes them. */
export function secondsOf(iso: string): number {
  return Math.floor(Date.parse(iso) / 1_000);
}

/** `21 Nov 2026` */
export function dayOf(seconds: number): string {
  const at = new Date(seconds * 1_000);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

/** `21 Nov 2026, 14:02 UTC` */
export function minuteOf(seconds: number): string {
  return `${dayOf(seconds)}, ${new Date(seconds * 1_000).toISOString().slice(11, 16)} UTC`;
}

/** `21 Nov 2026, 14:02:11` of `2026-11-21T14:02:11.250Z`; with the fraction where all of it is wanted. */
export function timeOf(iso: string, isWhole = false): string {
  return `${dayOf(Date.parse(iso) / 1_000)}, ${isWhole ? iso.slice(11).replace('Z', '') : iso.slice(11, 19)}`;
}

/** `2026-11-21T14:02:11Z`, for files and for people who look at the second. */
export function isoOf(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().replace('.000Z', 'Z');
}

/** `November 2026` of `2026-11`. */
export function monthName(period: string): string {
  const [year = '', month = ''] = period.split('-');
  return `${MONTH_NAMES[Number(month) - 1]} ${year}`;
}

/** `2026-11` */
export function periodAt(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().slice(0, 7);
}

/** The first instant of a period, and of the one after it. */
export function secondsOfPeriod(period: string): { start: number; end: number } {
  const [year = 0, month = 1] = period.split('-').map(Number);
  return { start: Date.UTC(year, month - 1, 1) / 1_000, end: Date.UTC(year, month, 1) / 1_000 };
}

/** `in 3 days`, `2 hours ago`, `now`: one unit, rounded down. */
export function relative(seconds: number, now: number): string {
  const distance = Math.abs(seconds - now);
  if (distance < 60) return 'now';
  const text = duration(distance);
  return seconds > now ? `in ${text}` : `${text} ago`;
}

/** `3 days` */
export function duration(seconds: number): string {
  if (seconds < 60) return plural(Math.floor(seconds), 'second');
  if (seconds < 3_600) return plural(Math.floor(seconds / 60), 'minute');
  if (seconds < DAY_SECONDS) return plural(Math.floor(seconds / 3_600), 'hour');
  return plural(Math.floor(seconds / DAY_SECONDS), 'day');
}

export function plural(count: number, noun: string): string {
  return `${String(count).replace(/\B(?=(\d{3})+$)/g, ',')} ${noun}${count === 1 ? '' : 's'}`;
}
