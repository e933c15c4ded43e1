/** Usage and costs in time buckets: the reports that have OpenAI's shapes. */
import { Injectable } from '@nestjs/common';
import type { Range } from '../domain/buckets.js';
import { assert, TallyError } from '../domain/errors.js';
import { requireKnown } from '../access/known-entities.js';
import { keepMonths } from '../metering/dropped-months.js';
import { Clock } from '../platform/clock.js';
import type { Tx } from '../platform/database.js';
import { LaggingReports } from '../platform/lagging-reports.js';
import {
  fill,
  firstBuckets,
  indexOfBucket,
  pageOf,
  type FilledPage,
  type Page,
  type PageQuery,
} from './bucket-pages.js';
import { sumBucketedCosts, type BucketedCost, type CostSelection } from './organization-costs.sql.js';
import { sumBucketedUsage, type BucketedUsage, type UsageSelection } from './organization-usage.sql.js';

/** The most results of one bucket. A caller who needs more asks for one project at a time. */
const BUCKET_RESULTS_MAX = 50_000;

type OfEntity = { readonly entity: string };

export type UsageQuery = PageQuery & Omit<UsageSelection, 'range'>;
export type CostQuery = PageQuery & Omit<CostSelection, 'range'>;

/** Finds rows in order of buckets, at most `rowsMax`. */
type Find<Row> = (of: { range: Range; rowsMax: number }) => Promise<readonly Row[]>;

@Injectable()
export class BucketedReports {
  /** A page ends before the bucket that would exceed this, so that an answer takes at most 0.3 s. */
  readonly pageResultsMax: number = 10_000;

  constructor(
    private readonly database: LaggingReports,
    private readonly clock: Clock,
  ) {}

  async usage(query: UsageQuery): Promise<FilledPage<BucketedUsage>> {
    return this.page(query, (of) => this.read(query, (tx) => sumBucketedUsage(tx, { ...query, ...of })));
  }

  async costs(query: CostQuery): Promise<FilledPage<BucketedCost>> {
    return this.page(query, (of) => this.read(query, (tx) => sumBucketedCosts(tx, { ...query, ...of })));
  }

  /** Of what Tally never counts: the buckets of the query, all of them empty. */
  async nothing(query: PageQuery & OfEntity): Promise<FilledPage<never>> {
    return this.page(query, () => this.read(query, async () => []));
  }

  /** Throws `not_found` for an entity that does not exist. */
  private async read<T>({ entity }: OfEntity, find: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.read(async (tx) => {
      await keepMonths(tx);
      await requireKnown(tx, entity);
      return find(tx);
    });
  }

  private async page<Row extends { readonly bucket: Date }>(
    query: PageQuery,
    find: Find<Row>,
  ): Promise<FilledPage<Row>> {
    const page = pageOf(query, this.clock.now());
    if (page.range === null) return { buckets: [], next: null };
    const rows = await find({ range: page.range, rowsMax: this.pageResultsMax + 1 });
    const last = rows.at(-1);
    if (last === undefined || rows.length <= this.pageResultsMax) return fill(page, rows);
    const wholeCount = indexOfBucket(page, last.bucket);
    if (wholeCount > 0) {
      const whole = rows.filter(({ bucket }) => bucket < last.bucket);
      return fill(firstBuckets(page, wholeCount), whole);
    }
    return this.oneBucket(firstBuckets(page, 1), find);
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
