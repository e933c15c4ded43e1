/** Conflicts as JSON. */
import { presentEvent } from './event-json.js';
import { conflictIdOf, statusOfConflict, type ConflictRow } from './usage-conflicts.sql.js';
import type { ConflictBatch, UsageConflict } from './conflicts.schema.js';
import { formatUsd } from '@tally/client/protocol';
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
    status: statusOfConflict(row),
    counted_as: row.countedAs,
    cost_usd: row.costPicos === null ? null : formatUsd(BigInt(row.costPicos)),
    seen_count: Number(row.seenCount),
    first_seen_at: unixSeconds(row.firstSeenAt),
    last_seen_at: unixSeconds(row.lastSeenAt),
    reviewed_at: unixSecondsOrNull(row.reviewedAt),
    reviewed_by: row.reviewedBy,
    review_note: row.note,
  };
}

/** Conflicts that were seen again from `to` on were left alone. */
type Resolved = {
  readonly status: 'counted' | 'reviewed';
  readonly answered: number;
  readonly skipped: number;
  readonly remaining: number;
  readonly to: Date;
  readonly dryRun: boolean;
};

export function presentConflictBatch({ to, dryRun, ...batch }: Resolved): ConflictBatch {
  return { object: 'usage_conflict_batch', ...batch, end_time: unixSeconds(to), dry_run: dryRun };
}
