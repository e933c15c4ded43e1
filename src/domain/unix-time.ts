/** Times as the API shows them: whole unix seconds, never later than the true time. */

export function unixSeconds(time: Date): number {
  return Math.floor(time.getTime() / 1_000);
}

export function unixSecondsOrNull(time: Date | null): number | null {
  return time === null ? null : unixSeconds(time);
}
