/** The list of what changed a period besides its own usage: voids, re-ratings and late usage. */
import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database.js';
import { findCorrections, type CorrectionRow } from './usage-corrections.sql.js';

@Injectable()
export class Corrections {
  constructor(private readonly database: Database) {}

  /** Newest first; `after` is the last id of the page before. */
  async list(page: {
    entity: string | null;
    period: string | null;
    after: string | null;
    limit: number;
  }): Promise<CorrectionRow[]> {
    return findCorrections(this.database.reader, page);
  }
}
