/**
 * Time buckets of reports: aligned in UTC, half open. The range cuts the first and the last bucket, so
 * the same range has the same sum in buckets of any width.
 */

export type BucketWidth = '1m' | '1h' | '1d';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

export const WIDTH_MS: Readonly<Record<BucketWidth, number>> = {
  '1m': 60_000,
  '1h': HOUR_MS,
  '1d': DAY_MS,
};

export type Range = { readonly start: Date; readonly end: Date };

/** The first buckets of a range, at most `countMax`. An empty range has none. */
export function bucketsOf(range: Range, width: BucketWidth, countMax: number): Range[] {
  const buckets: Range[] = [];
  for (let start = range.start; start < range.end && buckets.length < countMax;) {
    const next = new Date(bucketStart(start, width).getTime() + WIDTH_MS[width]);
    const end = next < range.end ? next : range.end;
    buckets.push({ start, end });
    start = end;
  }
  return buckets;
}

/** The aligned start of the bucket that holds a time. */
export function bucketStart(time: Date, width: BucketWidth): Date {
  const ms = WIDTH_MS[width];
  return new Date(Math.floor(time.getTime() / ms) * ms);
}

/** The first aligned time that is not before `time`. */
export function bucketCeiling(time: Date, width: BucketWidth): Date {
  const start = bucketStart(time, width);
  return start < time ? new Date(start.getTime() + WIDTH_MS[width]) : start;
}
