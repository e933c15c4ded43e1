/** Hours of the day and days of the week, as price maps write them. */
import { DAY_MINUTES, parseUtcWindow } from '../../domain/utc-windows.js';

export type Hours = { readonly utc: readonly string[]; readonly weekdays: readonly number[] | null };

const WINDOWS_MAX = 24;
const WINDOW = /^(\d{1,2}):([0-5]\d)\s*-\s*(\d{1,2}):([0-5]\d)$/;
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** `hours` is a window such as "16:30-00:30" or a list of them, `weekdays` numbers from 1 (Monday) or English names. */
export function readHours(hours: unknown, weekdays: unknown): Hours | null {
  const texts = [hours].flat();
  if (texts.length === 0 || texts.length > WINDOWS_MAX) return null;
  const utc = texts.map((text) => (typeof text === 'string' ? canonicalWindow(text.trim()) : null));
  const days = weekdays === undefined || weekdays === null ? null : readWeekdays(weekdays);
  if (days === undefined || !utc.every((window) => window !== null)) return null;
  return { utc, weekdays: days };
}

function canonicalWindow(text: string): string | null {
  const match = WINDOW.exec(text);
  if (match === null || Number(match[1]) > 23 || Number(match[3]) > (match[4] === '00' ? 24 : 23))
    return null;
  return `${match[1]!.padStart(2, '0')}:${match[2]}-${match[3]!.padStart(2, '0')}:${match[4]}`;
}

/** Undefined where one of them is no day. */
function readWeekdays(value: unknown): number[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > 31) return undefined;
  const days = value.map((day: unknown) =>
    typeof day === 'string' ? DAYS.indexOf(day.trim().toLowerCase().slice(0, 3)) + 1 : day,
  );
  if (
    !days.every((day): day is number => Number.isInteger(day) && (day as number) >= 1 && (day as number) <= 7)
  ) {
    return undefined;
  }
  return [...new Set(days)].sort((a, b) => a - b);
}

/**
 * The hours are in UTC, but the weekdays may be another place's: cut at that place's midnight, each piece has weekdays in UTC.
 * Null for a place that does not exist or that changes its clocks: its midnight moves.
 */
export function daysInUtc(hours: Hours, zone: unknown): Hours[] | null {
  if (hours.weekdays === null || zone === undefined || zone === null) return [hours];
  const offset = typeof zone === 'string' ? fixedOffsetMinutes(zone.trim()) : null;
  if (offset === null) return null;
  if (offset === 0) return [hours];
  const midnight = (DAY_MINUTES - offset) % DAY_MINUTES;
  const pieces = [
    { from: 0, to: midnight, shift: offset > 0 ? 0 : 1 },
    { from: midnight, to: DAY_MINUTES, shift: offset > 0 ? -1 : 0 },
  ];
  const days = hours.weekdays;
  return pieces.flatMap(({ from, to, shift }) => {
    const utc = hours.utc.flatMap((window) => withinOneDay(window, { from, to }));
    const shifted = days.map((day) => ((day + shift + 6) % 7) + 1).sort((a, b) => a - b);
    return utc.length === 0 ? [] : [{ utc, weekdays: shifted }];
  });
}

function withinOneDay(window: string, { from, to }: { from: number; to: number }): string[] {
  const { fromMinute, toMinute } = parseUtcWindow(window)!;
  const spans: (readonly [number, number])[] =
    fromMinute < toMinute
      ? [[fromMinute, toMinute]]
      : [
          [0, toMinute],
          [fromMinute, DAY_MINUTES],
        ];
  return spans.flatMap(([spanFrom, spanTo]) => {
    const first = Math.max(spanFrom, from);
    const last = Math.min(spanTo, to);
    return first < last ? [`${clockOf(first)}-${clockOf(last)}`] : [];
  });
}

function clockOf(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
}

const WINTER = new Date('2026-01-15T12:00:00Z');
const SUMMER = new Date('2026-07-15T12:00:00Z');

function fixedOffsetMinutes(zone: string): number | null {
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
    const [winter, summer] = [WINTER, SUMMER].map((at) => offsetIn(format, at));
    return winter === summer ? winter! : null;
  } catch {
    // Intl refuses the names of places that it does not know.
    return null;
  }
}

function offsetIn(format: Intl.DateTimeFormat, at: Date): number {
  const text = format.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const [, sign, hours = '0', minutes = '0'] = /([+-])(\d{2}):(\d{2})/.exec(text) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}
