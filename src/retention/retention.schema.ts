/** Erasing a person, and for how long what is not money is kept. */
import { z } from 'zod';
import { entityName, integer } from '../http/fields.js';
import { RETENTION_DEFAULTS, type RetentionKind } from './retention-settings.js';

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

const MONTHS_MIN = 1;
/** Entries of the last 30 days stay in any case. */
const AUDIT_MONTHS_MIN = 2;
/** What is younger may still be corrected, and compared with what comes again. */
const PERSONAL_MONTHS_MIN = 3;
const MONTHS_MAX = 1_200;

const months = (min: number) => integer(min, MONTHS_MAX).nullable();

const fields = {
  personal_data_months: months(PERSONAL_MONTHS_MIN).describe(
    'Users, requests, tags and raw usage of events, and the users of roll-ups; null is for ever',
  ),
  audit_log_months: months(AUDIT_MONTHS_MIN).describe('The oldest entries of each chain'),
  dead_letters_months: months(MONTHS_MIN).describe('Since they arrived last, whatever their status'),
  conflicts_months: months(MONTHS_MIN).describe('Since they arrived last'),
  jobs_months: months(MONTHS_MIN).describe('Since they ended'),
  webhook_deliveries_months: months(MONTHS_MIN),
  idempotency_keys_months: months(MONTHS_MIN).describe('How long a repetition gets the stored answer'),
};

export const RetentionOrder = z
  .strictObject(fields)
  .partial()
  .meta({ id: 'RetentionOrder', example: { personal_data_months: 13 } });
export type RetentionOrder = z.output<typeof RetentionOrder>;

export const Retention = z
  .object({
    object: z.literal('retention'),
    ...fields,
    money_months: z
      .null()
      .describe('Amounts, roll-ups, ledger, corrections, prices and statements: for ever'),
  })
  .meta({ id: 'Retention' });
export type Retention = z.output<typeof Retention>;

export const RETENTION_KINDS = Object.keys(RETENTION_DEFAULTS) as RetentionKind[];
