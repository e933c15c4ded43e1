/** Where the tokens and the money went, in time buckets: what finance reads in OpenAI's shapes. */
import { Injectable } from '@nestjs/common';
import type { Range } from '../domain/buckets.js';
import { assert, TallyError } from '../domain/errors.js';
import { Clock } from '../platform/clock.js';
import { sumBucketedUsage, type BucketedUsage, type UsageSelection } from './bucketed-usage.sql.js';
import { sumBucketedCosts, type BucketedCost, type CostSelection } from './costs.sql.js';
import { Database } from '../platform/database.js';
import {
  fill,
  indexOfBucket,
  pageOf,
  shortened,
  type FilledPage,
  type Page,
  type PageOrder,
} from './usage-page.js';

/** What one bucket may have: whoever wants more of it asks for one project at a time. */
const BUCKET_RESULTS_MAX = 50_000;

export type UsageOrder = PageOrder & Omit<UsageSelection, 'range'>;
export type CostOrder = PageOrder & Omit<CostSelection, 'range'>;

/** Finds rows in order of buckets, at most `rowsMax`. */
type Find<Row> = (of: { range: Range; rowsMax: number }) => Promise<readonly Row[]>;

@Injectable()
export class UsageReports {
  /** A page ends before the bucket with which it would have more: so an answer stays within 0.3 s. */
  readonly pageResultsMax: number = 10_000;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  async usage(order: UsageOrder): Promise<FilledPage<BucketedUsage>> {
    return this.pageOf(order, (of) => sumBucketedUsage(this.database.reader, { ...order, ...of }));
  }

  async costs(order: CostOrder): Promise<FilledPage<BucketedCost>> {
    return this.pageOf(order, (of) => sumBucketedCosts(this.database.reader, { ...order, ...of }));
  }

  private async pageOf<Row extends { readonly bucket: Date }>(
    order: PageOrder,
    find: Find<Row>,
  ): Promise<FilledPage<Row>> {
    const page = pageOf(order, this.clock.now());
    if (page.range === null) return { buckets: [], next: null };
    const rows = await find({ range: page.range, rowsMax: this.pageResultsMax + 1 });
    const last = rows.at(-1);
    if (last === undefined || rows.length <= this.pageResultsMax) return fill(page, rows);
    const wholeCount = indexOfBucket(page, last.bucket);
    if (wholeCount > 0) {
      const whole = rows.filter(({ bucket }) => bucket < last.bucket);
      return fill(shortened(page, wholeCount), whole);
    }
    return this.oneBucket(shortened(page, 1), find);
  }

  private async oneBucket<Row extends { readonly bucket: Date }>(
    page: Page,
    find: Find<Row>,
  ): Promise<FilledPage<Row>> {
    assert(page.range !== null, 'a page of one bucket has a range');
    const rows = await find({ range: page.range, rowsMax: BUCKET_RESULTS_MAX + 1 });
    if (rows.length <= BUCKET_RESULTS_MAX) return fill(page, rows);
    throw new TallyError(
      'invalid_request',
      `group_by: more than ${BUCKET_RESULTS_MAX} results in one bucket, ask for fewer projects or models at a time`,
      { param: 'group_by' },
    );
  }
}
