/** Credit grants and the ledger. */
import { z } from 'zod';
import { afterNumber, entityName, integer, pageLimit, positiveUsd, text, time } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';

const PRIORITY_DEFAULT = 50;

export const GrantPath = z.object({ entity: entityName, grant: text(64) });

export const GrantOrder = z
  .strictObject({
    amount_usd: positiveUsd,
    category: z.enum(['paid', 'promotional'], 'must be paid or promotional').default('paid'),
    priority: integer(0, 100).default(PRIORITY_DEFAULT).describe('0 burns first, 100 last'),
    effective_at: time.nullish().describe('Null is now'),
    expires_at: time.nullish().describe('Null never expires'),
    reference: text(256).nullish(),
    note: text(1024).nullish(),
  })
  .meta({ id: 'GrantOrder' });
export type GrantOrder = z.output<typeof GrantOrder>;

export const VoidOrder = z.strictObject({ reason: text(1024) }).meta({ id: 'VoidOrder' });
export type VoidOrder = z.output<typeof VoidOrder>;

export const CreditGrant = z
  .object({
    object: z.literal('credit_grant'),
    id: z.string(),
    entity: z.string(),
    category: z.enum(['paid', 'promotional']),
    priority: z.int(),
    amount_usd: z.string(),
    remaining_usd: z.string(),
    burnt_usd: z.string(),
    voided_usd: z.string(),
    expired_usd: z
      .string()
      .describe(
        'What was left at expires_at. Usage from before that still takes from it when it is counted later, for 72 hours.',
      ),
    effective_at: z.int(),
    expires_at: z.int().nullable(),
    reference: z.string().nullable(),
    note: z.string().nullable(),
    created_at: z.int(),
  })
  .meta({ id: 'CreditGrant' });
export type CreditGrant = z.output<typeof CreditGrant>;

export const CreditGrantList = listOf(CreditGrant).meta({ id: 'CreditGrantList' });

export const LedgerPage = z.strictObject({ limit: pageLimit, after: afterNumber });
export type LedgerPage = z.output<typeof LedgerPage>;

export const LedgerEntry = z
  .object({
    object: z.literal('ledger_entry'),
    id: z.string(),
    entity: z.string(),
    kind: z.string(),
    debit_account: z.string(),
    credit_account: z.string(),
    amount_usd: z.string(),
    grant: z.string().nullable(),
    period: z.string(),
    booked_hour: z.int().nullable(),
    corrects: z.string().nullable().describe('The entry that this one reverses'),
    reference: z.string().nullable(),
    booked_at: z.int(),
  })
  .meta({ id: 'LedgerEntry' });
export type LedgerEntry = z.output<typeof LedgerEntry>;

export const LedgerEntryList = listOf(LedgerEntry).meta({ id: 'LedgerEntryList' });
