/** Conflicts with what was counted, and their review. */
import { z } from 'zod';
import { parseConflictId, type ConflictKey } from './usage-conflicts.sql.js';
import { entityName, pageLimit, querySeconds, subject, text } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';

const STATUSES = ['open', 'reviewed'] as const;
const NOTE_LENGTH_MAX = 1024;

function conflictId(message: string) {
  return z.string({ error: message }).transform((id, context): ConflictKey => {
    const key = parseConflictId(id);
    if (key !== null) return key;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}

export const ConflictPath = z.object({ id: conflictId('must be the id of a conflict') });
export type ConflictPath = z.output<typeof ConflictPath>;

export const ConflictQuery = z.strictObject({
  status: z.enum(STATUSES, 'must be open or reviewed').optional(),
  entity: entityName.optional(),
  subject: subject.optional(),
  start_time: querySeconds.optional(),
  end_time: querySeconds.optional(),
  limit: pageLimit,
  after: conflictId('must be the last_id of a page')
    .optional()
    .meta({ description: 'The last_id of the previous page' }),
});
export type ConflictQuery = z.output<typeof ConflictQuery>;

export const ConflictReview = z.strictObject({ note: text(NOTE_LENGTH_MAX).nullish() }).nullish();
export type ConflictReview = z.output<typeof ConflictReview>;

export const UsageConflict = z
  .object({
    object: z.literal('usage_conflict'),
    id: z.string(),
    entity: z.string(),
    source: z.string(),
    event_id: z.string(),
    counted: z
      .unknown()
      .describe('The content that was counted; null where the caller is bound to another entity'),
    other: z.unknown().describe('The content that arrived under the same identity'),
    status: z.enum(STATUSES),
    seen_count: z.int(),
    first_seen_at: z.int(),
    last_seen_at: z.int(),
    reviewed_at: z.int().nullable(),
    reviewed_by: z.string().nullable().describe('The key that reviewed it'),
    review_note: z.string().nullable(),
  })
  .meta({ id: 'UsageConflict' });
export type UsageConflict = z.output<typeof UsageConflict>;
export const UsageConflictList = listOf(UsageConflict).meta({ id: 'UsageConflictList' });
