/**
 * The accounts of the double-entry ledger. Every entry moves one positive amount from the account it debits to the
 * account it credits, so the books sum to zero. The credits of customers are a liability of ours.
 */

export const ENTRY_KINDS = [
  'purchase',
  'promotion',
  'burn',
  'overage',
  'expiry',
  'void',
  'refund',
  'void_debt',
  'refund_debt',
  'debt_payment',
  'burn_reversal',
  'overage_reversal',
] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

type Accounts = { readonly debitAccount: string; readonly creditAccount: string };

const LOT = 'credits:';

/**
 * After `credits:` comes the grant's id: each grant has an account of its own. `receivable` is what customers owe for usage that no
 * credits paid, `debts` what they owe for credits that were taken back after usage had burnt them.
 */
const ACCOUNTS: Readonly<Record<EntryKind, readonly [debit: string, credit: string]>> = {
  purchase: ['cash', LOT],
  promotion: ['promotions', LOT],
  burn: [LOT, 'revenue'],
  overage: ['receivable', 'revenue'],
  expiry: [LOT, 'breakage'],
  void: [LOT, 'voided'],
  refund: [LOT, 'cash'],
  void_debt: ['debts', 'voided'],
  refund_debt: ['debts', 'cash'],
  debt_payment: [LOT, 'debts'],
  burn_reversal: ['revenue', LOT],
  overage_reversal: ['revenue', 'receivable'],
};

/** Which accounts an entry of this kind moves between. */
export function accountsOf(kind: EntryKind, grantId: string | null): Accounts {
  const name = (account: string): string => (account === LOT ? `${LOT}${grantId ?? ''}` : account);
  const [debit, credit] = ACCOUNTS[kind];
  return { debitAccount: name(debit), creditAccount: name(credit) };
}
