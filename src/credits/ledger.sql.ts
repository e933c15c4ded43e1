/** The double-entry ledger: entries are added, read, and never changed. */
import { accountsOf, type EntryKind } from './ledger-accounts.js';
import type { Tx } from '../platform/database.js';

export type LedgerRow = {
  readonly id: bigint;
  readonly entity: string;
  readonly kind: EntryKind;
  readonly debitAccount: string;
  readonly creditAccount: string;
  readonly amountPicos: bigint;
  readonly grantId: string | null;
  readonly period: string;
  readonly bookedHour: Date | null;
  /** The entry that this one takes back, or null. */
  readonly corrects: bigint | null;
  readonly reference: string | null;
  readonly bookedAt: Date;
};

export type NewEntry = {
  readonly entity: string;
  readonly kind: EntryKind;
  readonly amountPicos: bigint;
  readonly grantId: string;
  readonly period: string;
  readonly reference: string | null;
  readonly bookedAt: Date;
};

export async function insertLedgerEntry(tx: Tx, entry: NewEntry): Promise<void> {
  const { debitAccount, creditAccount } = accountsOf(entry.kind, entry.grantId);
  await tx.$executeRaw`
    insert into ledger_entries (
      entity, kind, debit_account, credit_account, amount_picos, grant_id, period, reference, booked_at
    )
    values (
      ${entry.entity}::text, ${entry.kind}::text, ${debitAccount}::text, ${creditAccount}::text,
      ${String(entry.amountPicos)}::numeric, ${entry.grantId}::text, ${entry.period}::text,
      ${entry.reference}::text, ${entry.bookedAt}::timestamptz
    )`;
}

/** Newest first; `before` is the id of the last entry of the page before. */
export async function findLedgerEntries(
  tx: Tx,
  args: { entity: string; before: bigint | null; limit: number },
): Promise<LedgerRow[]> {
  const rows = await tx.$queryRaw<(Omit<LedgerRow, 'amountPicos'> & { amount: string })[]>`
    select
      id, entity, kind, debit_account as "debitAccount", credit_account as "creditAccount",
      amount_picos::text as amount, grant_id as "grantId", period, booked_hour as "bookedHour", corrects,
      reference, booked_at as "bookedAt"
    from ledger_entries
    where entity = ${args.entity}::text
      and (${args.before === null ? null : String(args.before)}::bigint is null
        or id < ${args.before === null ? null : String(args.before)}::bigint)
    order by id desc
    limit ${args.limit}::integer`;
  return rows.map(({ amount, ...row }) => ({ ...row, amountPicos: BigInt(amount) }));
}
