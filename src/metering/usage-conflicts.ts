/** Conflicts with what was counted, for an operator to review. */
import { Injectable } from '@nestjs/common';
import { ID_LENGTH_MAX } from '@tally/client/protocol';
import { TallyError } from '../domain/errors.js';
import type { Order } from '../http/list-order.js';
import { cursorRow } from '../http/list-page.js';
import { Clock } from '../platform/clock.js';
import { insertAuditEntry } from '../access/audit-log.js';
import { Database, Restart, type Tx } from '../platform/database.js';
import { sqlStateOf } from '../platform/postgres-errors.js';
import { eventFromJson } from './event-json.js';
import { Recorder } from './recorder.js';
import {
  chooseConflicts,
  conflictIdOf,
  findConflict,
  findConflicts,
  lockConflictEntity,
  reviewConflict,
  statusOfConflict,
  type ConflictFilter,
  type ConflictKey,
  type ConflictRow,
  type ConflictStatus,
} from './usage-conflicts.sql.js';
import { requireKnownWhereEmpty } from '../access/known-entities.js';

export type ReviewOrder = {
  readonly key: ConflictKey;
  /** The entity that the caller is bound to, or null. */
  readonly scope: string | null;
  readonly note: string | null;
  readonly actor: string;
  /** The id of the job that does it, for the audit log. */
  readonly job?: string;
};

@Injectable()
export class UsageConflicts {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly recorder: Recorder,
  ) {}

  /** A page, by when they were seen last. Throws where `after` is no conflict of the entity or the project that is asked for. */
  async list(page: {
    filter: ConflictFilter;
    order: Order;
    after: ConflictKey | null;
    limit: number;
  }): Promise<ConflictRow[]> {
    const { entity: scope, project } = page.filter;
    const { reader } = this.database;
    await cursorRow(page.after, async (key) => {
      const row = await findConflict(reader, { key, scope });
      return project === null || row?.other.project === project ? row : null;
    });
    const rows = await findConflicts(reader, page);
    await requireKnownWhereEmpty(reader, { entity: page.filter.entity, found: rows });
    return rows;
  }

  /** Throws `not_found` for an entity that does not exist and has no conflict. */
  async requireSome({ entity }: Pick<ConflictFilter, 'entity'>): Promise<void> {
    if (entity === null) return;
    const { reader } = this.database;
    const all = { status: null, project: null, from: null, to: null };
    const found = await chooseConflicts(reader, { filter: { ...all, entity }, after: null, limit: 1 });
    await requireKnownWhereEmpty(reader, { entity, found });
  }

  /** Throws `not_found` where the scope has none. */
  async find(
    { key, scope }: Pick<ReviewOrder, 'key' | 'scope'>,
    tx: Tx = this.database.reader,
  ): Promise<ConflictRow> {
    const row = await findConflict(tx, { key, scope });
    if (row !== null) return row;
    throw new TallyError('not_found', `no conflict ${conflictIdOf(key)}`, { param: 'id' });
  }

  /** Locks its entity. False where it has another status by now, or is gone. */
  async lock(tx: Tx, key: ConflictKey, status: ConflictStatus): Promise<boolean> {
    await lockConflictEntity(tx, key.entity);
    const row = await findConflict(tx, { key, scope: null });
    return row !== null && statusOfConflict(row) === status;
  }

  /**
   * Counts the other content after all, as an event of its own, and marks the conflict as reviewed. Its id follows from what it says, so
   * counting it again changes nothing. The caller's change publishes what it did. Throws `conflict` where another event has that id.
   */
  async count(tx: Tx, { key, scope, note, actor, job }: ReviewOrder): Promise<ConflictRow | Restart> {
    await lockConflictEntity(tx, key.entity);
    const before = await this.find({ key, scope }, tx);
    if (before.countedAs !== null) return before;
    const event = eventFromJson(before.other);
    const countedAs = countedIdOf(event.id, key.fingerprint);
    const counted = await this.recorder.recordWithin(tx, { ...event, id: countedAs }).catch(monthIsGone);
    if (counted instanceof Restart) return counted;
    if (counted === 'conflict') throw idIsTaken(countedAs);
    const at = await this.clock.bookingTime(tx);
    const review = { reviewedAt: at, reviewedBy: actor, note: note ?? before.note, countedAs };
    await reviewConflict(tx, { key, scope, review });
    await insertAuditEntry(tx, {
      at,
      actor,
      action: 'usage_conflicts.counted',
      entity: before.entity,
      target: conflictIdOf(key),
      before: { status: before.reviewedAt === null ? 'open' : 'reviewed' },
      after: { status: 'counted', source: event.source, id: countedAs, note: review.note, ...byJob(job) },
    });
    return this.find({ key, scope }, tx);
  }

  /** Marks it as reviewed. A second review replaces the first, with its note and time; both are in the audit log. */
  async review(tx: Tx, { key, scope, note, actor, job }: ReviewOrder): Promise<ConflictRow> {
    const id = conflictIdOf(key);
    const at = await this.clock.bookingTime(tx);
    const review = { reviewedAt: at, reviewedBy: actor, note, countedAs: null };
    const before = await reviewConflict(tx, { key, scope, review });
    const row = await this.find({ key, scope }, tx);
    await insertAuditEntry(tx, {
      at,
      actor,
      action: 'usage_conflicts.reviewed',
      entity: row.entity,
      target: id,
      before: before?.reviewedBy == null ? { status: 'open' } : { status: 'reviewed', note: before.note },
      after: { status: 'reviewed', note, ...byJob(job) },
    });
    return row;
  }
}

function byJob(job: string | undefined): { job?: string } {
  return job === undefined ? {} : { job };
}

const DIGITS = 12;

/** An id of its own for what was counted after all: that of the event, and what tells the contents under it apart. */
function countedIdOf(id: string, fingerprint: string): string {
  const digits = fingerprint.replaceAll('-', '').slice(0, DIGITS);
  return `${id.slice(0, ID_LENGTH_MAX - DIGITS - 1)}~${digits}`;
}

function idIsTaken(id: string): TallyError {
  const message = `an event with other content is counted as ${id}: report this one under another id and review the conflict`;
  return new TallyError('conflict', message, { param: 'id' });
}

const CHECK_VIOLATION = '23514';

/** A month that is no longer kept has no table. */
function monthIsGone(error: unknown): never {
  if (sqlStateOf(error) !== CHECK_VIOLATION) throw error;
  throw new TallyError('invalid_request', 'the month of the event is no longer kept', {
    param: 'id',
    cause: error,
  });
}
