/** Dead letters. */
import { z } from 'zod';
import {
  afterText,
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
import { usageFormat } from './event-validation.js';
import { listOf } from '../http/lists.schema.js';

export const DeadLetterPath = z.object({ id: text(256) });

const STATUSES = ['open', 'replayed', 'discarded'] as const;
const status = z.enum(STATUSES, 'must be open, replayed or discarded').meta({ id: 'DeadLetterStatus' });
const code = text(64)
  .optional()
  .meta({ description: 'Why it could not be counted', example: 'invalid_tokens' });

const reason = text(256).optional().meta({ description: 'Part of its message', example: 'prompt_tokens' });

/** What a replay changes of the event; without a body it goes as it is. */
const mending = {
  usage_format: usageFormat.optional().describe('Which server’s usage it is'),
  subject: subject.optional().describe('Who pays: entity/project'),
  time: time.optional().describe('When it occurred'),
  model: text(256).optional(),
};
const Mend = z.strictObject(mending).meta({ id: 'Mending', example: { usage_format: 'openai_chat' } });
export const Mending = Mend.nullish();
export type Mending = z.output<typeof Mending>;

export const ResolutionQuery = z.strictObject({
  dry_run: queryFlag.describe('Answers as if it were done, and sends and changes nothing'),
});
export type ResolutionQuery = z.output<typeof ResolutionQuery>;

export const DeadLetterQuery = z
  .strictObject({
    status: status.optional(),
    entity: entityName.optional(),
    subject: subject.optional(),
    code,
    reason,
    start_time: querySeconds.optional(),
    end_time: querySeconds.optional(),
    limit: pageLimit,
    after: afterText,
    order: pageOrder,
  })
  .refine(...endsAfter('start_time', 'end_time'));
export type DeadLetterQuery = z.output<typeof DeadLetterQuery>;

const LIMIT_MAX = 1_000_000_000;

/** A field that is left out is no condition. */
function resolveOrder(other: 'replayed' | 'discarded') {
  return z.strictObject({
    status: z.enum(['open', other], `must be open or ${other}`).default('open'),
    entity: entityName.optional(),
    subject: subject.optional(),
    code,
    reason,
    start_time: time.optional().describe('Last seen from then on'),
    end_time: time.optional().describe('Last seen before then; now where it is left out'),
    limit: integer(1, LIMIT_MAX).optional().describe('At most so many, last seen first; else all'),
  });
}
export const ReplayOrder = resolveOrder('discarded')
  .extend({ mend: Mend.optional().describe('What to change of each event') })
  .refine(...endsAfter('start_time', 'end_time'))
  .meta({ id: 'ReplayOrder', example: { entity: 'entity1', code: 'time_out_of_range' } });
export type ReplayOrder = z.output<typeof ReplayOrder>;
export const DiscardOrder = resolveOrder('replayed')
  .refine(...endsAfter('start_time', 'end_time'))
  .meta({ id: 'DiscardOrder', example: { entity: 'entity1', code: 'invalid_tokens' } });
export type ResolveOrder = z.output<ReturnType<typeof resolveOrder>>;

export const DeadLetterBatch = z
  .object({
    object: z.literal('dead_letter_batch'),
    status: z.enum(['replayed', 'discarded']),
    answered: z.int().describe('How many dead letters were resolved'),
    remaining: z.int().describe('How many of those that matched are left, where there was a limit'),
    end_time: z.int().describe('What arrived from then on was left alone'),
    dry_run: z.boolean(),
  })
  .meta({ id: 'DeadLetterBatch' });
export type DeadLetterBatch = z.output<typeof DeadLetterBatch>;

export const DeadLetter = z
  .object({
    object: z.literal('dead_letter'),
    id: z.string(),
    code: z.string(),
    message: z.string(),
    payload: z.unknown().describe('The event as it arrived'),
    job_id: z.string().nullable(),
    entity: z.string().nullable(),
    project: z.string().nullable(),
    source: z.string().nullable(),
    event_id: z.string().nullable(),
    status,
    seen_count: z.int(),
    first_seen_at: z.int(),
    last_seen_at: z.int(),
  })
  .meta({ id: 'DeadLetter' });
export type DeadLetter = z.output<typeof DeadLetter>;
export const DeadLetterList = listOf(DeadLetter).meta({ id: 'DeadLetterList' });
