/** Days are strings such as `2026-11-22`, in UTC, which sort and compare as they are. Ranges of days are half open. */

const DAY_MS = 86_400_000;

export function dayOf(seconds) {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}

export function secondsOf(day) {
  return Date.parse(`${day}T00:00:00Z`) / 1000;
}

export function addDays(day, count) {
  return dayOf(secondsOf(day) + (count * DAY_MS) / 1000);
}

export function daysBetween(start, end) {
  return Math.round((secondsOf(end) - secondsOf(start)) / (DAY_MS / 1000));
}

export function eachDay(start, end) {
  return Array.from({ length: Math.max(0, daysBetween(start, end)) }, (_, index) => addDays(start, index));
}

/** `2026-11` and −1 → `2026-10` */
export function addMonths(month, count) {
  const [year, number] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number - 1 + count, 1)).toISOString().slice(0, 7);
}

export function isDay(text) {
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(secondsOf(text)) && dayOf(secondsOf(text)) === text;
}

export function isMonth(text) {
  return /^\d{4}-(0[1-9]|1[0-2])$/.test(text);
}

const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August'].concat([
  'September',
  'October',
  'November',
  'December',
]);

export function monthName(month) {
  const [year, number] = month.split('-');
  return `${MONTHS[Number(number) - 1]} ${year}`;
}

/** `22 Nov` */
export function shortDay(day) {
  const [, month, number] = day.split('-');
  return `${Number(number)} ${MONTHS[Number(month) - 1].slice(0, 3)}`;
}

/** `2 Nov to 8 Nov 2026`, both included. */
export function rangeName(first, last) {
  const [firstYear, lastYear] = [first.slice(0, 4), last.slice(0, 4)];
  return `${shortDay(first)}${firstYear === lastYear ? '' : ` ${firstYear}`} to ${shortDay(last)} ${lastYear}`;
}

/** `November 2026`, or `December 2025 to November 2026`. */
export function monthsName(first, last) {
  return first === last ? monthName(first) : `${monthName(first)} to ${monthName(last)}`;
}

/** `1–21 Nov`, both included; with years where they differ. */
export function daysName(first, last) {
  if (first === last) return shortDay(first);
  if (first.slice(0, 7) === last.slice(0, 7)) return `${Number(first.slice(8))}–${shortDay(last)}`;
  if (first.slice(0, 4) !== last.slice(0, 4)) return rangeName(first, last);
  return `${shortDay(first)} – ${shortDay(last)}`;
}

export function clockTime(seconds) {
  return `${new Date(seconds * 1000).toISOString().slice(11, 16)} UTC`;
}

/**
 * The range that is shown, the one before it, and the part of both that is compared. Today is not over, so whole days are
 * compared: 1–21 November with 1–21 October.
 */
export function rangeOf(view, asOf) {
  const today = dayOf(asOf);
  const [start, end, before] = view.from
    ? [view.from, addDays(view.to, 1), addDays(view.from, -daysBetween(view.from, addDays(view.to, 1)))]
    : [`${view.month}-01`, `${addMonths(view.month, 1)}-01`, `${addMonths(view.month, -1)}-01`];
  const isOver = end <= today;
  const completeEnd = isOver ? end : today > start ? today : start;
  const sameLength = addDays(before, daysBetween(start, completeEnd));
  const beforeEnd = isOver || sameLength > start ? start : sameLength;
  return {
    start,
    end,
    today,
    isOver,
    isCurrentMonth: !view.from && view.month === today.slice(0, 7),
    name: view.from ? rangeName(view.from, view.to) : monthName(view.month),
    complete: { start, end: completeEnd },
    before: { start: before, end: start, comparedEnd: beforeEnd },
  };
}
