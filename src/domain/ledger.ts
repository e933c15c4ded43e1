/**
 * The accounts of the double-entry ledger. Every entry moves one positive amount from the account it debits to the
 * account it credits, so the books sum to zero. Credits that a customer holds are a liability of ours.
 */

export type EntryKind =
  | 'purchase'
  | 'promotion'
  | 'burn'
  | 'overage'
  | 'expiry'
  | 'void'
  | 'burn_reversal'
  | 'overage_reversal';

type Accounts = { readonly debitAccount: string; readonly creditAccount: string };

/** Which accounts an entry of this kind moves between. `credits:<grant>` is the customer's lot; `receivable` is what they owe. */
export function accountsOf(kind: EntryKind, grantId: string | null): Accounts {
  const lot = `credits:${grantId ?? ''}`;
  switch (kind) {
    case 'purchase':
      return { debitAccount: 'cash', creditAccount: lot };
    case 'promotion':
      return { debitAccount: 'promotions', creditAccount: lot };
    case 'burn':
      return { debitAccount: lot, creditAccount: 'revenue' };
    case 'overage':
      return { debitAccount: 'receivable', creditAccount: 'revenue' };
    case 'expiry':
      return { debitAccount: lot, creditAccount: 'breakage' };
    case 'void':
      return { debitAccount: lot, creditAccount: 'voided' };
    case 'burn_reversal':
      return { debitAccount: 'revenue', creditAccount: lot };
    case 'overage_reversal':
      return { debitAccount: 'revenue', creditAccount: 'receivable' };
  }
}
