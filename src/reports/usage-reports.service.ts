/** Where the tokens and the money went, in time buckets: what finance reads in OpenAI's shapes. */
import { Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import { Clock } from '../infra/clock.js';
import { sumBucketedUsage, type BucketedUsage, type UsageSelection } from '../store/bucketed-usage.js';
import { sumBucketedCosts, type BucketedCost, type CostSelection } from '../store/costs.js';
import { Database } from '../store/database.js';
import { fill, pageOf, type FilledPage, type PageOrder } from './page.js';

/** An answer of more rows than this is refused: whoever wants them asks for fewer buckets at a time. */
const ROWS_MAX = 50_000;

export type UsageOrder = PageOrder & Omit<UsageSelection, 'range'>;
export type CostOrder = PageOrder & Omit<CostSelection, 'range'>;

@Injectable()
export class UsageReports {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  async usage(order: UsageOrder): Promise<FilledPage<BucketedUsage>> {
    const page = pageOf(order, this.clock.now());
    if (page.range === null) return { buckets: [], next: null };
    const selection = { ...order, range: page.range, rowsMax: ROWS_MAX + 1 };
    const rows = await sumBucketedUsage(this.database.reader, selection);
    return fill(page, order.width, bounded(rows));
  }

  async costs(order: CostOrder): Promise<FilledPage<BucketedCost>> {
    const page = pageOf(order, this.clock.now());
    if (page.range === null) return { buckets: [], next: null };
    const selection = { ...order, range: page.range, rowsMax: ROWS_MAX + 1 };
    const rows = await sumBucketedCosts(this.database.reader, selection);
    return fill(page, order.width, bounded(rows));
  }
}

function bounded<Row>(rows: readonly Row[]): readonly Row[] {
  if (rows.length <= ROWS_MAX) return rows;
  throw new TallyError('invalid_request', `limit: more than ${ROWS_MAX} results, ask for fewer buckets`, {
    param: 'limit',
  });
}
