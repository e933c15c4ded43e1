/** Dead letters and audit entries as JSON. */
import type { AuditRow } from '../access/audit-log.sql.js';
import type { DeadLetterRow } from './dead-letters.sql.js';
import type { BatchAnswer } from './dead-letters.js';
import type { AuditEntry, DeadLetter, DeadLetterBatch } from './review.schema.js';
import { unixSeconds } from '../http/list-page.js';

export function presentDeadLetter(row: DeadLetterRow): DeadLetter {
  return {
    object: 'dead_letter',
    id: row.id,
    code: row.code,
    message: row.message,
    payload: JSON.parse(row.payload) as unknown,
    job_id: row.jobId,
    entity: row.entity,
    project: row.project,
    source: row.source,
    event_id: row.eventId,
    status: row.status,
    seen_count: Number(row.seenCount),
    first_seen_at: unixSeconds(row.firstSeenAt),
    last_seen_at: unixSeconds(row.lastSeenAt),
  };
}

export function presentBatch(status: 'replayed' | 'discarded', batch: BatchAnswer): DeadLetterBatch {
  const { answered, remaining, to } = batch;
  return { object: 'dead_letter_batch', status, answered, remaining, end_time: unixSeconds(to) };
}

export function presentAuditEntry(row: AuditRow): AuditEntry {
  const { actor, action, entity, target, before, after } = row;
  return {
    object: 'audit_entry',
    id: String(row.id),
    at: unixSeconds(row.at),
    actor,
    action,
    entity,
    target,
    before,
    after,
  };
}
