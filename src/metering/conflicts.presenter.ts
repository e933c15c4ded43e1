/** Conflicts as JSON. */
import { presentEvent } from './event-json.js';
import { conflictIdOf, type ConflictRow, type ConflictStatus } from './usage-conflicts.sql.js';
import type { UsageConflict } from './conflicts.schema.js';
import { unixSeconds, unixSecondsOrNull } from '../domain/unix-time.js';

export function presentConflict(row: ConflictRow): UsageConflict {
  return {
    object: 'usage_conflict',
    id: conflictIdOf(row),
    entity: row.entity,
    source: row.source,
    event_id: row.eventId,
    counted: row.counted === null ? null : presentEvent(row.counted),
    other: presentEvent(row.other),
    status: statusOf(row),
    counted_as: row.countedAs,
    seen_count: Number(row.seenCount),
    first_seen_at: unixSeconds(row.firstSeenAt),
    last_seen_at: unixSeconds(row.lastSeenAt),
    reviewed_at: unixSecondsOrNull(row.reviewedAt),
    reviewed_by: row.reviewedBy,
    review_note: row.note,
  };
}

function statusOf({ reviewedAt, countedAs }: ConflictRow): ConflictStatus {
  if (countedAs !== null) return 'counted';
  return reviewedAt === null ? 'open' : 'reviewed';
}
