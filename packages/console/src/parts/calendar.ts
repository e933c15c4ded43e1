/** Days are texts such as `2026-11-22`, in UTC, which sort and compare as they are. Ranges of days are half open. */
import { monthName } from './times.js';

const DAY_SECONDS = 86_400;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export function isoDayOf(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().slice(0, 10);
}

export function secondsOfDay(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) / 1_000;
}

export function addDays(day: string, count: number): string {
  return isoDayOf(secondsOfDay(day) + count * DAY_SECONDS);
}

function daysBetween(start: string, end: string): number {
  return Math.round((secondsOfDay(end) - secondsOfDay(start)) / DAY_SECONDS);
}

export function eachDay(start: string, end: string): string[] {
  return Array.from({ length: Math.max(0, daysBetween(start, end)) }, (_, index) => addDays(start, index));
}

/** `2026-11` and −1 → `2026-10` */
export function addMonths(month: string, count: number): string {
  const [year = 0, number = 1] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number - 1 + count, 1)).toISOString().slice(0, 7);
}

/** `22 Nov` */
export function shortDay(day: string): string {
  const [, month, number] = day.split('-');
  return `${Number(number)} ${MONTHS[Number(month) - 1]}`;
}

/** `2 Nov to 8 Nov 2026`, both included. */
export function rangeName(first: string, last: string): string {
  const [firstYear, lastYear] = [first.slice(0, 4), last.slice(0, 4)];
  return `${shortDay(first)}${firstYear === lastYear ? '' : ` ${firstYear}`} to ${shortDay(last)} ${lastYear}`;
}

/** `November 2026`, or `December 2025 to November 2026`. */
export function monthsName(first: string, last: string): string {
  return first === last ? monthName(first) : `${monthName(first)} to ${monthName(last)}`;
}

/** `1–21 Nov`, both included; with years where they differ. */
export function daysName(first: string, last: string): string {
  if (first === last) return shortDay(first);
  if (first.slice(0, 7) === last.slice(0, 7)) return `${Number(first.slice(8))}–${shortDay(last)}`;
  if (first.slice(0, 4) !== last.slice(0, 4)) return rangeName(first, last);
  return `${shortDay(first)} – ${shortDay(last)}`;
}

export function clockTime(seconds: number): string {
  return `${new Date(seconds * 1_000).toISOString().slice(11, 16)} UTC`;
}

/** A month, or days, both included. */
export type View =
  | { readonly month: string; readonly from?: undefined; readonly to?: undefined }
  | { readonly month?: undefined; readonly from: string; readonly to: string };

export type ShownRange = {
  readonly start: string;
  readonly end: string;
  readonly today: string;
  readonly isOver: boolean;
  readonly isCurrentMonth: boolean;
  /** Null where the range is no month. */
  readonly month: string | null;
  readonly name: string;
  readonly complete: { readonly start: string; readonly end: string };
  readonly before: { readonly start: string; readonly end: string; readonly comparedEnd: string };
};

/**
 * The range that is shown, the one before it, and the part of both that is compared. Today is not over, so whole days are
 * compared: 1–21 November with 1–21 October.
 */
export function rangeOf(view: View, asOf: number): ShownRange {
  const today = isoDayOf(asOf);
  const { start, end, before } = boundsOf(view);
  const isOver = end <= today;
  const completeEnd = isOver ? end : today > start ? today : start;
  const sameLength = addDays(before, daysBetween(start, completeEnd));
  const comparedEnd = isOver || sameLength > start ? start : sameLength;
  return {
    start,
    end,
    today,
    isOver,
    isCurrentMonth: view.month === today.slice(0, 7),
    month: view.month ?? null,
    name: view.month === undefined ? rangeName(view.from, view.to) : monthName(view.month),
    complete: { start, end: completeEnd },
    before: { start: before, end: start, comparedEnd },
  };
}

function boundsOf(view: View): { start: string; end: string; before: string } {
  if (view.month !== undefined) {
    const [before, after] = [addMonths(view.month, -1), addMonths(view.month, 1)];
    return { start: `${view.month}-01`, end: `${after}-01`, before: `${before}-01` };
  }
  const end = addDays(view.to, 1);
  return { start: view.from, end, before: addDays(view.from, -daysBetween(view.from, end)) };
}
