/** Pages of time buckets: where a page begins and ends, and the cursor of the next one. */
import { bucketCeiling, bucketsOf, bucketStart, type BucketWidth, type Range } from '../domain/buckets.js';
import { TallyError } from '../domain/errors.js';

export type PageQuery = {
  readonly start: Date;
  /** Null is the end of the bucket that is open now. */
  readonly end: Date | null;
  readonly width: BucketWidth;
  readonly bucketCountMax: number;
  /** The `next` of an earlier page. */
  readonly cursor: string | null;
};

export type Page = {
  readonly width: BucketWidth;
  /** The end of all pages together. */
  readonly end: Date;
  readonly buckets: readonly Range[];
  /** From the first bucket's start to the last one's end; null without a bucket. */
  readonly range: Range | null;
  readonly next: string | null;
};

export type FilledBucket<Row> = Range & { readonly rows: readonly Row[] };
export type FilledPage<Row> = {
  readonly buckets: readonly FilledBucket<Row>[];
  readonly next: string | null;
};

export function pageOf(query: PageQuery, now: Date): Page {
  const { width, bucketCountMax } = query;
  const range = rangeOf(query, now);
  return pageWith({ width, end: range.end, buckets: bucketsOf(range, width, bucketCountMax) });
}

/** The page cut to its first buckets; the others follow on the next page. */
export function firstBuckets({ width, end, buckets }: Page, count: number): Page {
  return pageWith({ width, end, buckets: buckets.slice(0, count) });
}

function pageWith(page: Pick<Page, 'width' | 'end' | 'buckets'>): Page {
  const [first, last] = [page.buckets[0], page.buckets.at(-1)];
  if (first === undefined || last === undefined) return { ...page, range: null, next: null };
  const next = last.end < page.end ? formatCursor({ start: last.end, end: page.end }) : null;
  return { ...page, range: { start: first.start, end: last.end }, next };
}

/** The index of the bucket that has this aligned start. */
export function indexOfBucket({ buckets, width }: Page, bucket: Date): number {
  return buckets.findIndex(({ start }) => bucketStart(start, width).getTime() === bucket.getTime());
}

/** Puts rows into their buckets; a bucket without rows stays empty. */
export function fill<Row extends { readonly bucket: Date }>(
  { buckets, width, next }: Page,
  rows: readonly Row[],
): FilledPage<Row> {
  const byBucket = new Map<number, Row[]>();
  for (const row of rows) {
    const key = row.bucket.getTime();
    const held = byBucket.get(key);
    if (held === undefined) byBucket.set(key, [row]);
    else held.push(row);
  }
  const filled = buckets.map((bucket) => ({
    ...bucket,
    rows: byBucket.get(bucketStart(bucket.start, width).getTime()) ?? [],
  }));
  return { buckets: filled, next };
}

/** The cursor holds the end too: if the caller names none, it must not move from page to page. */
function rangeOf({ start, end, width, cursor }: PageQuery, now: Date): Range {
  if (cursor === null) return { start, end: end ?? bucketCeiling(new Date(now.getTime() + 1), width) };
  const next = parseCursor(cursor);
  const isOfQuery =
    next !== null &&
    next.start > start &&
    next.start.getTime() === bucketStart(next.start, width).getTime() &&
    (end === null || next.end.getTime() === end.getTime());
  if (!isOfQuery) {
    throw new TallyError('invalid_request', 'page: must be the next_page of the same query', {
      param: 'page',
    });
  }
  return next;
}

export const BUCKET_CURSOR = /^page_([A-Za-z0-9_-]{22})$/;
const SECONDS_MAX = 8_640_000_000_000n;

function formatCursor({ start, end }: Range): string {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64BE(BigInt(start.getTime() / 1000), 0);
  bytes.writeBigUInt64BE(BigInt(end.getTime() / 1000), 8);
  return `page_${bytes.toString('base64url')}`;
}

function parseCursor(text: string): Range | null {
  const bytes = Buffer.from(BUCKET_CURSOR.exec(text)?.[1] ?? '', 'base64url');
  if (bytes.length !== 16) return null;
  const [start, end] = [bytes.readBigUInt64BE(0), bytes.readBigUInt64BE(8)];
  if (start >= end || end > SECONDS_MAX) return null;
  return { start: new Date(Number(start) * 1000), end: new Date(Number(end) * 1000) };
}
