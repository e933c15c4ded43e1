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

/** Entities with burns or reversals of closed hours that the ledger does not hold yet. An hour is closed when the database's clock has left it. */
export async function findEntitiesToPost(tx: Tx, openHour: Date): Promise<string[]> {
  const rows = await tx.$queryRaw<{ entity: string }[]>`
    select entity from burns where not posted and booked_hour < ${openHour}::timestamptz
    union
    select entity from burn_reversals where not posted and booked_hour < ${openHour}::timestamptz
    order by entity`;
  return rows.map((row) => row.entity);
}

/** Posts the burns of closed hours of a locked entity: one entry for each hour, period and grant (or overage). Returns how many. */
export async function postBurns(
  tx: Tx,
  args: { entity: string; openHour: Date; bookedAt: Date },
): Promise<number> {
  return tx.$executeRaw`
    with closed as (
      update burns set posted = true
      where entity = ${args.entity}::text and not posted and booked_hour < ${args.openHour}::timestamptz
      returning entity, booked_hour, period, grant_id, amount_picos
    )
    insert into ledger_entries (
      entity, kind, debit_account, credit_account, amount_picos, grant_id, period, booked_hour, booked_at
    )
    select
      entity,
      case when grant_id is null then 'overage' else 'burn' end,
      case when grant_id is null then 'receivable' else 'credits:' || grant_id end,
      'revenue',
      amount_picos, grant_id, period, booked_hour, ${args.bookedAt}::timestamptz
    from closed
    order by booked_hour, period, grant_id`;
}
