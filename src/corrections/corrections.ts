/** What changed a period besides its own usage: voids, re-ratings and late usage. */
import { Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
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

  /** Newest first; `after` is the last id of the page before. Throws where the scope has no such correction. */
  async list({
    kind = null,
    from = null,
    to = null,
    ...page
  }: Pick<CorrectionFilter, 'entity' | 'period'> &
    Partial<CorrectionFilter> & { after: string | null; limit: number }): Promise<CorrectionRow[]> {
    const { entity, after } = page;
    const last = after === null ? null : await this.find(after);
    if (after !== null && (last === null || (entity !== null && last.entity !== entity)))
      throw new TallyError('invalid_request', 'after: must be the last_id of a page', { param: 'after' });
    return findCorrections(this.database.reader, { kind, from, to, ...page });
  }

  /** By the number of a void or re-rating, or by the identity of late usage; null where there is none. */
  async find(id: string): Promise<CorrectionRow | null> {
    if (NUMBER.test(id)) return findCorrection(this.database.reader, BigInt(id));
    return IDENTITY.test(id) ? findLateUsage(this.database.reader, id) : null;
  }
}
