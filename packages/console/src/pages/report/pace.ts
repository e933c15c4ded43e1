/** The hours whose spend gives the pace at which credits are used. */

const DAY_SECONDS = 86_400;
const HOUR_SECONDS = 3_600;
export const PACE_DAYS = 7;

/** The last seven days in whole hours, whatever range is shown. The service's alerts use the same hours. */
export function paceRange(asOf: number): { start_time: number; end_time: number } {
  const end = Math.floor(asOf / HOUR_SECONDS) * HOUR_SECONDS;
  return { start_time: end - PACE_DAYS * DAY_SECONDS, end_time: end };
}
