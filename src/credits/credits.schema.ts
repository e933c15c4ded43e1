/** Credit grants and the ledger. */
import { z } from 'zod';
import {
  afterNumber,
  afterText,
  endsAfter,
  entityName,
  integer,
  pageLimit,
  pageOrder,
  positiveUsd,
  querySeconds,
  text,
  time,
} from '../http/fields.js';
import { ENTRY_KINDS } from './ledger-accounts.js';
import { listOf } from '../http/lists.schema.js';

const PRIORITY_DEFAULT = 50;

export const category = z
  .enum(['paid', 'promotional'], 'must be paid or promotional')
  .meta({ id: 'CreditCategory' });

const entryKind = z
  .enum(ENTRY_KINDS, `must be one of ${ENTRY_KINDS.join(', ')}`)
  .meta({ id: 'LedgerEntryKind' });

export const GrantPath = z.object({ entity: entityName, grant: text(64) });

export const GrantPage = z.strictObject({ order: pageOrder, limit: pageLimit, after: afterText });
export type GrantPage = z.output<typeof GrantPage>;

export const GrantOrder = z
  .strictObject({
    amount_usd: positiveUsd,
    category: category.default('paid'),
    priority: integer(0, 100).default(PRIORITY_DEFAULT).describe('0 burns first, 100 last'),
    effective_at: time.nullish().describe('Null is now'),
    expires_at: time.nullish().describe('Null never expires'),
    reference: text(256).nullish(),
    note: text(1024).nullish(),
  })
  .refine(...endsAfter('effective_at', 'expires_at'))
  .meta({
    id: 'GrantOrder',
    example: { amount_usd: '500', category: 'paid', priority: 50, reference: 'inv_42', note: 'Invoice 42' },
  });
export type GrantOrder = z.output<typeof GrantOrder>;

export const VoidOrder = z
  .strictObject({
    reason: text(1024),
    amount_usd: positiveUsd
      .nullish()
      .describe(
        'Null is all that is left. If it is more, the rest becomes a debt, which the next credits pay first',
      ),
    refund: z
      .boolean('must be true or false')
      .default(false)
      .describe('True if the customer gets the money back: statements and FOCUS reverse the purchase'),
  })
  .meta({ id: 'VoidOrder', example: { reason: 'Bought twice', amount_usd: '20', refund: true } });
export type VoidOrder = z.output<typeof VoidOrder>;

export const FreezeOrder = z
  .strictObject({ reason: text(1024) })
  .meta({ id: 'FreezeOrder', example: { reason: 'The purchase is disputed' } });
export type FreezeOrder = z.output<typeof FreezeOrder>;

export const CreditGrant = z
  .object({
    object: z.literal('credit_grant'),
    id: z.string(),
    entity: z.string(),
    category,
    priority: z.int(),
    amount_usd: z.string(),
    remaining_usd: z.string(),
    burnt_usd: z.string(),
    voided_usd: z.string().describe('What was voided or refunded'),
    debt_paid_usd: z.string().describe('What paid debts of the entity'),
    owed_usd: z.string().describe('What was taken back of it after usage had burnt it, and is not paid yet'),
    expired_usd: z
      .string()
      .describe(
        'What was left at expires_at. Usage from before that still takes from it when it is counted later, for 72 hours.',
      ),
    effective_at: z.int(),
    expires_at: z.int().nullable(),
    frozen_at: z
      .int()
      .nullable()
      .describe('Since when nobody can spend what is left; null if it is not frozen'),
    reference: z.string().nullable(),
    note: z.string().nullable(),
    created_at: z.int(),
  })
  .meta({
    id: 'CreditGrant',
    example: {
      object: 'credit_grant',
      id: 'grant_3J9dX0aTq7mVwYbR5cKeLs',
      entity: 'entity1',
      category: 'paid',
      priority: 50,
      amount_usd: '500',
      remaining_usd: '500',
      burnt_usd: '0',
      voided_usd: '0',
      debt_paid_usd: '0',
      owed_usd: '0',
      expired_usd: '0',
      effective_at: 1764547200,
      expires_at: null,
      frozen_at: null,
      reference: 'inv_42',
      note: 'Invoice 42',
      created_at: 1764547200,
    },
  });
export type CreditGrant = z.output<typeof CreditGrant>;

export const CreditGrantList = listOf(CreditGrant).meta({ id: 'CreditGrantList' });

export const LedgerPage = z
  .strictObject({
    limit: pageLimit,
    after: afterNumber,
    order: pageOrder,
    kind: entryKind.optional(),
    grant: text(64).optional().describe('Entries of this grant'),
    start_time: querySeconds.optional().describe('Booked at or after'),
    end_time: querySeconds.optional().describe('Booked before'),
  })
  .refine(...endsAfter('start_time', 'end_time'));
export type LedgerPage = z.output<typeof LedgerPage>;

export const LedgerEntryPath = z.object({ entity: entityName, entry: text(64) });

export const LedgerEntry = z
  .object({
    object: z.literal('ledger_entry'),
    id: z.string(),
    entity: z.string(),
    kind: entryKind,
    debit_account: z.string(),
    credit_account: z.string(),
    amount_usd: z.string(),
    grant: z.string().nullable(),
    period: z.string(),
    booked_hour: z.int().nullable(),
    corrects: z.string().nullable().describe('The entry that this one reverses, or the debt that it pays'),
    reference: z.string().nullable(),
    booked_at: z.int(),
  })
  .meta({
    id: 'LedgerEntry',
    example: {
      object: 'ledger_entry',
      id: '2',
      entity: 'entity1',
      kind: 'purchase',
      debit_account: 'cash',
      credit_account: 'credits:grant_3J9dX0aTq7mVwYbR5cKeLs',
      amount_usd: '500',
      grant: 'grant_3J9dX0aTq7mVwYbR5cKeLs',
      period: '2026-12',
      booked_hour: null,
      corrects: null,
      reference: 'inv_42',
      booked_at: 1764547200,
    },
  });
export type LedgerEntry = z.output<typeof LedgerEntry>;

export const LedgerEntryList = listOf(LedgerEntry).meta({ id: 'LedgerEntryList' });
