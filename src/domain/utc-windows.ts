/** Times of the day in UTC, such as off-peak hours. */

/** Minutes after midnight, half open; a window whose end does not lie after its start goes on through midnight. */
export type UtcWindow = { readonly fromMinute: number; readonly toMinute: number };

export const DAY_MINUTES = 24 * 60;
const MINUTE_MS = 60_000;
export const UTC_WINDOW = /^([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)$/;

/** Reads `"16:30-00:30"`; null where the text is no window. */
export function parseUtcWindow(text: string): UtcWindow | null {
  const match = UTC_WINDOW.exec(text);
  if (match === null) return null;
  const [, fromHour, fromMinute, toHour = '0', toMinute = '0'] = match;
  return {
    fromMinute: Number(fromHour) * 60 + Number(fromMinute),
    toMinute: Number(toHour) * 60 + Number(toMinute),
  };
}

export function isInWindows(at: Date, windows: readonly UtcWindow[]): boolean {
  const minute = at.getUTCHours() * 60 + at.getUTCMinutes();
  return windows.some(({ fromMinute, toMinute }) =>
    fromMinute < toMinute
      ? minute >= fromMinute && minute < toMinute
      : minute >= fromMinute || minute < toMinute,
  );
}

/** 1 is Monday, 7 is Sunday. */
export function weekdayOf(at: Date): number {
  return at.getUTCDay() || 7;
}

/** The instants in (`from`, `to`] at which one of the windows, or a day, begins or ends. At most those of eight days. */
export function turnsBetween(from: Date, to: Date, windows: readonly UtcWindow[]): Date[] {
  const minutes = new Set([0, ...windows.flatMap(({ fromMinute, toMinute }) => [fromMinute, toMinute])]);
  const turns: Date[] = [];
  const firstDay = Date.UTC(from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate());
  const endMs = to.getTime();
  for (let day = 0; day <= 8 && firstDay + day * DAY_MINUTES * MINUTE_MS <= endMs; day += 1) {
    for (const minute of minutes) {
      const at = firstDay + (day * DAY_MINUTES + minute) * MINUTE_MS;
      if (at > from.getTime() && at <= endMs) turns.push(new Date(at));
    }
  }
  return turns;
}
