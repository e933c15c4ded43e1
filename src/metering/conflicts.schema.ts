/** Conflicts with what was counted, and their review. */
import { z } from 'zod';
import { quantities, texts } from '../http/maps.schema.js';
import { CONFLICT_ID, parseConflictId, type ConflictKey } from './usage-conflicts.sql.js';
import {
  CURSOR,
  endsAfter,
  entityName,
  integer,
  pageLimit,
  pageOrder,
  queryFlag,
  querySeconds,
  subject,
  text,
  time,
} from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';

const STATUSES = ['open', 'reviewed', 'counted'] as const;
const status = z.enum(STATUSES, 'must be open, reviewed or counted').meta({ id: 'ConflictStatus' });
const NOTE_LENGTH_MAX = 1024;

function conflictId(message: string) {
  return z
    .string({ error: message })
    .regex(CONFLICT_ID, message)
    .transform((id, context): ConflictKey => {
      const key = parseConflictId(id);
      if (key !== null) return key;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    });
}

export const ConflictPath = z.object({ id: conflictId('must be the id of a conflict') });
export type ConflictPath = z.output<typeof ConflictPath>;

export const ConflictQuery = z
  .strictObject({
    status: status.optional(),
    entity: entityName.optional(),
    subject: subject.optional(),
    start_time: querySeconds.optional(),
    end_time: querySeconds.optional(),
    order: pageOrder,
    limit: pageLimit,
    after: conflictId(CURSOR).optional().meta({ description: 'The last_id of the previous page' }),
  })
  .refine(...endsAfter('start_time', 'end_time'));
export type ConflictQuery = z.output<typeof ConflictQuery>;

export const CountQuery = z.strictObject({
  dry_run: queryFlag.describe('Answers as if it were counted, and counts nothing'),
});
export type CountQuery = z.output<typeof CountQuery>;

export const ReviewQuery = z.strictObject({
  dry_run: queryFlag.describe('Answers as if it were reviewed, and changes nothing'),
});
export type ReviewQuery = z.output<typeof ReviewQuery>;

export const ConflictReview = z
  .strictObject({ note: text(NOTE_LENGTH_MAX).nullish() })
  .meta({ id: 'ConflictReview', example: { note: 'The later one is right' } })
  .nullish();
export type ConflictReview = z.output<typeof ConflictReview>;

const LIMIT_MAX = 1_000_000_000;

/** A field that is left out is no condition. */
const batchFilter = {
  entity: entityName.optional(),
  subject: subject.optional(),
  start_time: time.optional().describe('Last seen from then on'),
  end_time: time.optional().describe('Last seen before then; now where it is left out'),
  limit: integer(1, LIMIT_MAX).optional().describe('At most so many, last seen first; else all'),
  note: text(NOTE_LENGTH_MAX).nullish(),
};
export const CountOrder = z
  .strictObject({
    status: z.enum(['open', 'reviewed'], 'must be open or reviewed').default('open'),
    ...batchFilter,
  })
  .refine(...endsAfter('start_time', 'end_time'))
  .meta({ id: 'ConflictCountOrder', example: { subject: 'entity1/project1', note: 'They were right' } });
export type CountOrder = z.output<typeof CountOrder>;
export const ReviewOrder = z
  .strictObject(batchFilter)
  .refine(...endsAfter('start_time', 'end_time'))
  .meta({ id: 'ConflictReviewOrder', example: { entity: 'entity1', note: 'Retries of one gateway' } });
export type ReviewOrder = z.output<typeof ReviewOrder>;

export const ConflictBatch = z
  .object({
    object: z.literal('usage_conflict_batch'),
    status: z.enum(['counted', 'reviewed']),
    answered: z.int().describe('How many conflicts were counted or reviewed'),
    skipped: z
      .int()
      .describe(
        'How many were left: their month is no longer kept, another event has their id, or somebody else dealt with them meanwhile',
      ),
    remaining: z.int().describe('How many of those that matched are left, where there was a limit'),
    end_time: z.int().describe('What was seen again from then on was left alone'),
    dry_run: z.boolean(),
  })
  .meta({ id: 'ConflictBatch' });
export type ConflictBatch = z.output<typeof ConflictBatch>;

const textOrNull = z.string().nullable();

/** What an event says. */
export const EventContent = z
  .object({
    entity: z.string(),
    project: z.string(),
    source: z.string(),
    id: z.string(),
    time: z.iso.datetime(),
    model: z.string(),
    operation: z.string(),
    quantities,
    service_tier: z.string(),
    region: textOrNull,
    attributes: texts.nullable(),
    unread: z.array(z.string()).describe('Fields of the usage that nothing knows'),
    usage: z.unknown().describe('The usage object, where something of it is unread'),
    mended: z.array(z.string()).describe('Descriptive fields that were cut or turned into text'),
    usage_source: z.string(),
    reservation_id: textOrNull,
    api_key_id: textOrNull,
    user_id: textOrNull,
    request_id: textOrNull,
    tags: texts.nullable(),
  })
  .meta({ id: 'EventContent' });

export const UsageConflict = z
  .object({
    object: z.literal('usage_conflict'),
    id: z.string(),
    entity: z.string(),
    source: z.string(),
    event_id: z.string(),
    counted: EventContent.nullable().describe('The content that was counted; null where that event is gone'),
    other: EventContent.describe('The content that arrived under the same identity'),
    status,
    counted_as: z.string().nullable().describe('The id of the event under which it was counted after all'),
    cost_usd: textOrNull.describe(
      'What that event costs, as first rated; null while it is not counted, or waits for a price',
    ),
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
