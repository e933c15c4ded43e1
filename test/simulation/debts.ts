/** The model's debts: what was taken back of a grant after usage had burnt it. */
import { byBurnOrder, type Grant } from './grants.js';

export type Debt = {
  readonly grantId: string;
  readonly amount: bigint;
  readonly isRefund: boolean;
  paid: bigint;
};

export type DebtPayment = { readonly debt: Debt; readonly grant: Grant; readonly amount: bigint };

/** The oldest debt first, from the first grant in burn order, valid or valid later. A frozen one pays nothing, a voided one its own debt. */
export function paymentsOf(debts: readonly Debt[], grants: readonly Grant[], nowMs: number): DebtPayment[] {
  const left = new Map(grants.map((grant) => [grant, grant.remaining]));
  const isThere = ({ isFrozen, expiresMs }: Grant) => !isFrozen && (expiresMs === null || expiresMs > nowMs);
  const payments: DebtPayment[] = [];
  for (const debt of debts) {
    let due = debt.amount - debt.paid;
    for (const grant of grants.filter(isThere).sort(byBurnOrder)) {
      if (grant.isVoided && grant.id !== debt.grantId) continue;
      const amount = due < left.get(grant)! ? due : left.get(grant)!;
      if (amount === 0n) continue;
      left.set(grant, left.get(grant)! - amount);
      due -= amount;
      payments.push({ debt, grant, amount });
    }
  }
  return payments;
}
