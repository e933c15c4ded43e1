/** How fast an entity spends: what runs out of credits is told by it, in lists, in reports and by alerts. Pure. */
import { bucketStart, DAY_MS, HOUR_MS, type Range } from './buckets.js';

export const PACE_DAYS = 7;

/** Seven days of whole hours and the hour that has begun, so that who began to spend minutes ago has a pace. */
export function paceHours(at: Date): Range {
  const begun = bucketStart(at, '1h').getTime();
  return { start: new Date(begun - PACE_DAYS * DAY_MS), end: new Date(begun + HOUR_MS) };
}
