/**
 * Times on their way to Postgres and back. They carry their offset in both directions, so they name the same instant whatever time zone
 * the session has: a pooler, the database's own settings or the `options` of DATABASE_URL may give it another than UTC.
 */

/** How Postgres writes a timestamptz in the DateStyle `ISO`: an offset has seconds only before there was standard time. */
const ISO = /^(\d{4,})-(\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$/;

/** `2026-11-22T12:00:00.123Z`, which every DateStyle reads as the same instant. */
export function instantText(value: Date | string): string {
  const text = (value instanceof Date ? value : new Date(value)).toISOString();
  // JavaScript pads years of more than four digits, which Postgres does not read.
  return text.startsWith('+') ? text.replace(/^\+0*/, '') : text;
}

/** What Postgres wrote, in UTC. Throws where the session's DateStyle is another: a guess could move money to another month. */
export function readInstant(text: string): string {
  // Nearly always.
  if (text.endsWith('+00') && text[10] === ' ') return `${text.slice(0, 10)}T${text.slice(11, -3)}+00:00`;
  const parts = ISO.exec(text);
  if (parts === null) {
    throw new RangeError(
      `Postgres wrote the time ${text}: DateStyle must be ISO, as it is without a setting`,
    );
  }
  const [, year = '', date = '', time = '', sign, hours, minutes = '0', seconds = '0'] = parts;
  const local = Date.parse(`${year.length > 4 ? `+${year.padStart(6, '0')}` : year}-${date}T${time}Z`);
  const offsetMs = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000;
  return new Date(sign === '-' ? local + offsetMs : local - offsetMs).toISOString();
}
