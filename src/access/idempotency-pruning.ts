/** Deletes old idempotency records. It may run late, twice, or on two workers at once. */
import { Injectable } from '@nestjs/common';
import { DAY_MS } from '../domain/buckets.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { deleteRecords } from './idempotency.sql.js';

/** For how long a repetition gets the stored answer. */
const KEPT_MS = 30 * DAY_MS;

const PAGE_ROWS = 10_000;

@Injectable()
export class IdempotencyPruning {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Returns how many records were deleted. */
  async prune(signal?: AbortSignal, before: Date | null = null): Promise<number> {
    const now = await this.clock.bookingTime(this.database.reader);
    const writtenBefore = before ?? new Date(now.getTime() - KEPT_MS);
    for (let pruned = 0; ;) {
      const page = await deleteRecords(this.database.reader, { writtenBefore, limit: PAGE_ROWS });
      pruned += page;
      if (page < PAGE_ROWS || signal?.aborted === true) return pruned;
    }
  }
}
