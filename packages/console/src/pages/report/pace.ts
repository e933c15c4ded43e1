/** The hours whose spend gives the pace at which credits are used. */

const DAY_SECONDS = 86_400;
const HOUR_SECONDS = 3_600;
export const PACE_DAYS = 7;

/** Seven days of whole hours and the hour that has begun, whatever range is shown. The service's list and its alerts use the same hours. */
export function paceRange(asOf: number): { start_time: number; end_time: number } {
  const begun = Math.floor(asOf / HOUR_SECONDS) * HOUR_SECONDS;
  return { start_time: begun - PACE_DAYS * DAY_SECONDS, end_time: begun + HOUR_SECONDS };
}
