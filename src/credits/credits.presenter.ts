/** Grants and ledger entries as JSON. */
import { formatUsd } from '@tally/client/protocol';
import type { GrantRow } from './grants.js';
import type { LedgerRow } from './ledger.js';
import type { CreditGrant, LedgerEntry } from './credits.schema.js';
import { unixSeconds, unixSecondsOrNull } from '../domain/unix-time.js';

/**
 * As of that time. What is left of an expired grant counts as expired at once, although it is written off later and late usage may still
 * take some of it: nobody can spend it.
 */
export function presentGrant(row: GrantRow, at: Date): CreditGrant {
  // What is frozen stays where it is until somebody decides about it.
  const isExpired = row.frozenAt === null && row.expiresAt !== null && row.expiresAt <= at;
  const lapsedPicos = isExpired ? row.remainingPicos : 0n;
  return {
    object: 'credit_grant',
    id: row.id,
    entity: row.entity,
    category: row.category,
    priority: row.priority,
    amount_usd: formatUsd(row.amountPicos),
    remaining_usd: formatUsd(row.remainingPicos - lapsedPicos),
    burnt_usd: formatUsd(row.burntPicos),
    voided_usd: formatUsd(row.voidedPicos),
    debt_paid_usd: formatUsd(row.repaidPicos),
    owed_usd: formatUsd(row.owedPicos),
    expired_usd: formatUsd(row.expiredPicos + lapsedPicos),
    effective_at: unixSeconds(row.effectiveAt),
    expires_at: unixSecondsOrNull(row.expiresAt),
    frozen_at: unixSecondsOrNull(row.frozenAt),
    reference: row.reference,
    note: row.note,
    created_at: unixSeconds(row.createdAt),
  };
}

export function presentLedgerEntry(row: LedgerRow): LedgerEntry {
  return {
    object: 'ledger_entry',
    id: String(row.id),
    entity: row.entity,
    kind: row.kind,
    debit_account: row.debitAccount,
    credit_account: row.creditAccount,
    amount_usd: formatUsd(row.amountPicos),
    grant: row.grantId,
    period: row.period,
    booked_hour: unixSecondsOrNull(row.bookedHour),
    corrects: row.corrects === null ? null : String(row.corrects),
    reference: row.reference,
    booked_at: unixSeconds(row.bookedAt),
  };
}
