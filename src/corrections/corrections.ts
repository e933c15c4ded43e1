/** What changed a period besides its own usage: voids, re-ratings and late usage. */
import { Injectable } from '@nestjs/common';
import type { Order } from '../http/list-order.js';
import { cursorRow } from '../http/list-page.js';
import { Database } from '../platform/database.js';
import {
  findCorrection,
  findCorrections,
  findLateUsage,
  type CorrectionFilter,
  type CorrectionRow,
} from './usage-corrections.sql.js';

const NUMBER = /^\d{1,18}$/;
const IDENTITY = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

@Injectable()
export class Corrections {
  constructor(private readonly database: Database) {}

  /** By when they were booked; `after` is the last id of the page before. Throws where the filter has no such correction. */
  async list({
    kind = null,
    from = null,
    to = null,
    order = 'desc',
    ...page
  }: Pick<CorrectionFilter, 'entity' | 'period'> &
    Partial<CorrectionFilter> & { order?: Order; after: string | null; limit: number }): Promise<
    CorrectionRow[]
  > {
    const filter = { kind, from, to, order, ...page };
    await cursorRow(page.after, async (id) => {
      const row = await this.find(id);
      return row !== null && isOf(row, filter) ? row : null;
    });
    return findCorrections(this.database.reader, filter);
  }

  /** By the number of a void or re-rating, or by the identity of late usage; null where there is none. */
  async find(id: string): Promise<CorrectionRow | null> {
    if (NUMBER.test(id)) return findCorrection(this.database.reader, BigInt(id));
    return IDENTITY.test(id) ? findLateUsage(this.database.reader, id) : null;
  }
}

/** What a correction says never changes. */
function isOf(row: CorrectionRow, { entity, period, kind, from, to }: CorrectionFilter): boolean {
  return (
    (entity === null || row.entity === entity) &&
    (period === null || row.period === period) &&
    (kind === null || row.kind === kind) &&
    (from === null || row.bookedAt >= from) &&
    (to === null || row.bookedAt < to)
  );
}
