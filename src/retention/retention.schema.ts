/** Erasing a person, and for how long what is not money is kept. */
import { z } from 'zod';
import { entityName, integer, queryInteger } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';
import { MONTHS_MAX, RETENTION, type RetentionKind } from './retention-settings.js';

/** Longer than what is stored, so that what was cut is found by what was sent. */
const VALUE_LENGTH_MAX = 4_096;
const VALUE = `must be a text of 1 to ${VALUE_LENGTH_MAX} characters`;
const value = z.string({ error: VALUE }).min(1, VALUE).max(VALUE_LENGTH_MAX, VALUE);

export const ErasurePath = z.object({ entity: entityName });

export const ErasureOrder = z
  .strictObject({
    user_id: value.optional().describe('As events name the user').meta({ example: 'u_9' }),
    tag: z
      .strictObject({ name: value, value })
      .meta({ id: 'TagValue' })
      .optional()
      .describe('Everybody whose events have a tag of this name with this value'),
  })
  .refine(
    ({ user_id, tag }) => (user_id === undefined) !== (tag === undefined),
    'must have either user_id or tag',
  )
  .meta({ id: 'ErasureOrder', example: { user_id: 'u_9' } });
export type ErasureOrder = z.output<typeof ErasureOrder>;

export const Erasure = z
  .object({
    object: z.literal('erasure'),
    entity: z.string(),
    queued_events: z.int().describe('Events that waited to be counted; they are counted without the person'),
    events: z.int(),
    roll_ups: z.int(),
    dead_letters: z.int(),
    conflicts: z.int(),
  })
  .meta({ id: 'Erasure', description: 'In how many of each the person was named. Amounts and counts stay' });

const months = (kind: RetentionKind) => {
  const { minMonths, what, afterwards } = RETENTION[kind];
  return integer(minMonths, MONTHS_MAX)
    .nullable()
    .describe(`${what}. Afterwards: ${afterwards}. Null is for ever`);
};

const fields = {
  events_months: months('events'),
  personal_data_months: months('personal_data'),
  audit_log_months: months('audit_log'),
  dead_letters_months: months('dead_letters'),
  conflicts_months: months('conflicts'),
  jobs_months: months('jobs'),
  webhook_deliveries_months: months('webhook_deliveries'),
  mail_deliveries_months: months('mail_deliveries'),
  idempotency_keys_months: months('idempotency_keys'),
} satisfies Record<`${RetentionKind}_months`, z.ZodType>;

export const RetentionOrder = z
  .strictObject(fields)
  .partial()
  .meta({ id: 'RetentionOrder', example: { personal_data_months: 13 } });
export type RetentionOrder = z.output<typeof RetentionOrder>;

const RetentionOfKind = z
  .object({
    setting: z.string().nullable().describe('The field that changes it; null for what nobody sets'),
    what: z.string(),
    kept: z.string().describe('In words: for ever, 13 months, 1 day'),
    afterwards: z.string().describe('What happens to it afterwards'),
    default_months: z.int().nullable(),
    min_months: z.int().nullable(),
    max_months: z.int().nullable(),
  })
  .meta({ id: 'RetentionOfKind' });

export const Retention = z
  .object({
    object: z.literal('retention'),
    ...fields,
    money_months: z
      .null()
      .describe('Amounts, roll-ups, ledger, corrections, prices and statements: for ever'),
    kinds: z.array(RetentionOfKind).describe('Every kind of data there is, and what becomes of it'),
  })
  .meta({ id: 'Retention' });
export type Retention = z.output<typeof Retention>;

export const EventMonthsQuery = z.strictObject({
  events_months: queryInteger(RETENTION.events.minMonths, MONTHS_MAX).optional().meta({
    description: 'What would go if events were kept for so many months; by default what goes by the setting',
    example: 24,
  }),
});
export type EventMonthsQuery = z.output<typeof EventMonthsQuery>;

const EventMonth = z
  .object({
    object: z.literal('event_month'),
    month: z.string().describe('In which the usage occurred, in UTC'),
    state: z
      .enum(['kept', 'due', 'waiting', 'dropped'])
      .describe('due: the next run of upkeep drops it; waiting: it is old enough, and something keeps it'),
    waits_for: z
      .array(z.string())
      .describe('roll_ups, statements, unpriced_usage, dead_letters, conflicts or jobs'),
    events: z.int().nullable().describe('That were dropped, or that are to go; null of months that are kept'),
    cost_usd: z.string().nullable().describe('Of dropped ones, as they were first rated'),
    dropped_at: z.int().nullable(),
    hash: z.string().nullable().describe('SHA-256 over the events that were dropped, in hexadecimal'),
  })
  .meta({ id: 'EventMonth' });

/** Without pages: a year has twelve rows. */
export const EventMonthList = listOf(EventMonth).meta({
  id: 'EventMonthList',
  description: 'Without pages: one row a month',
});
