/** Conflicts with what was counted, for an operator to review. */
import { Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import { Clock } from '../platform/clock.js';
import { insertAuditEntry } from '../access/audit-log.js';
import { Database } from '../platform/database.js';
import {
  conflictIdOf,
  findConflict,
  findConflicts,
  reviewConflict,
  type ConflictFilter,
  type ConflictKey,
  type ConflictRow,
} from './usage-conflicts.sql.js';

export type ReviewOrder = {
  readonly key: ConflictKey;
  /** The entity that the caller is bound to, or null. */
  readonly scope: string | null;
  readonly note: string | null;
  readonly actor: string;
};

@Injectable()
export class UsageConflicts {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** A page, last seen first. */
  async list(page: {
    filter: ConflictFilter;
    after: ConflictKey | null;
    limit: number;
  }): Promise<ConflictRow[]> {
    return findConflicts(this.database.reader, page);
  }

  /** Marks it as reviewed. A second review replaces the first, with its note and time; both are in the audit log. */
  async review({ key, scope, note, actor }: ReviewOrder): Promise<ConflictRow> {
    const id = conflictIdOf(key);
    return this.database.transaction(async (tx) => {
      const at = await this.clock.bookingTime(tx);
      const review = { reviewedAt: at, reviewedBy: actor, note };
      const before = await reviewConflict(tx, { key, scope, review });
      const row = await findConflict(tx, { key, scope });
      if (before === null || row === null) {
        throw new TallyError('not_found', `no conflict ${id}`, { param: 'id' });
      }
      await insertAuditEntry(tx, {
        at,
        actor,
        action: 'usage_conflicts.reviewed',
        entity: before.entity,
        target: id,
        before: before.reviewedBy === null ? { status: 'open' } : { status: 'reviewed', note: before.note },
        after: { status: 'reviewed', note },
      });
      return row;
    });
  }
}
