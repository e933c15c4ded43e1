/** Dead letters as JSON. */
import type { DeadLetterRow } from './dead-letter.js';
import type { DeadLetter, DeadLetterBatch } from './dead-letters.schema.js';
import { wellFormedJson } from './well-formed.js';
import { unixSeconds } from '../domain/unix-time.js';

export function presentDeadLetter(row: DeadLetterRow): DeadLetter {
  return {
    object: 'dead_letter',
    id: row.id,
    code: row.code,
    message: row.message,
    payload: JSON.parse(wellFormedJson(row.payload)) as unknown,
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

/** Dead letters that arrived from `to` on were left alone. */
export type BatchResolution = {
  readonly status: 'replayed' | 'discarded';
  readonly answered: number;
  readonly remaining: number;
  readonly to: Date;
  readonly dryRun: boolean;
};

export function presentBatch(batch: BatchResolution): DeadLetterBatch {
  const { status, answered, remaining, to, dryRun } = batch;
  const end_time = unixSeconds(to);
  return { object: 'dead_letter_batch', status, answered, remaining, end_time, dry_run: dryRun };
}
