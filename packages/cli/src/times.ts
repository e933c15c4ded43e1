/** Times: read from the command line, and written for people. Everything is UTC, as the books are. */

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3_600,
  d: 86_400,
  w: 604_800,
};

const DURATION = /^(\d{1,6})([smhdw])$/;
const TIME = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;
const EXPECTED = 'a day such as 2026-12-31 or a time such as 2026-12-31T18:00:00Z';

/** A day or a time → RFC 3339 in UTC. Throws a RangeError that says what is expected. */
export function readTime(text: string): string {
  if (!TIME.test(text) || !isInCalendar(text)) throw new RangeError(`must be ${EXPECTED}`);
  return new Date(text).toISOString();
}

/** A time, or how long ago: `7d`, `24h` → Unix seconds. */
export function readSince(text: string, nowMs: number): number {
  const ago = DURATION.exec(text);
  if (ago !== null) return Math.floor(nowMs / 1000) - secondsOf(ago);
  if (!TIME.test(text) || !isInCalendar(text))
    throw new RangeError(`must be how long ago, such as 24h or 7d, or ${EXPECTED}`);
  return Math.floor(Date.parse(text) / 1000);
}

/** `90s`, `24h`, `7d` → seconds. */
export function readDuration(text: string): number {
  const match = DURATION.exec(text);
  if (match === null) throw new RangeError('must be a length of time such as 30m, 24h or 7d');
  return secondsOf(match);
}

/** `2026-11`. */
export function readPeriod(text: string): string {
  if (!/^20\d{2}-(?:0[1-9]|1[0-2])$/.test(text)) throw new RangeError('must be a month such as 2026-11');
  return text;
}

/** Unix seconds or RFC 3339 → `2026-11-29 08:45`. */
export function moment(time: number | string | null | undefined, none = '–'): string {
  if (time === null || time === undefined) return none;
  const date = new Date(typeof time === 'number' ? time * 1000 : time);
  return date.toISOString().slice(0, 16).replace('T', ' ');
}

/** To the second, for single things and for events. */
export function second(time: number | string | null | undefined, none = '–'): string {
  if (time === null || time === undefined) return none;
  const date = new Date(typeof time === 'number' ? time * 1000 : time);
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `5400` → `1 h 30 min`. */
export function duration(seconds: number | null | undefined, none = '–'): string {
  if (seconds === null || seconds === undefined) return none;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return joined(Math.floor(whole / 60), 'min', whole % 60, 's');
  const minutes = Math.floor(whole / 60);
  if (whole < 86_400) return joined(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  return joined(Math.floor(minutes / 1440), 'd', Math.floor((minutes % 1440) / 60), 'h');
}

function joined(first: number, firstUnit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${first} ${firstUnit}` : `${first} ${firstUnit} ${rest} ${restUnit}`;
}

function secondsOf([, number = '0', unit = 's']: readonly string[]): number {
  return Number(number) * (UNIT_SECONDS[unit] ?? 1);
}

/** `Date` moves the 31st of February into March. */
function isInCalendar(text: string): boolean {
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  return (
    !Number.isNaN(Date.parse(text)) &&
    !Number.isNaN(day.getTime()) &&
    day.toISOString().slice(0, 10) === text.slice(0, 10)
  );
}
