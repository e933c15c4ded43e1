/**
 * Debts: what was taken back of a grant after usage had burnt it. Whatever credits the entity can spend pay them first, in burn order, in
 * the transaction that brings the credits; so while something is owed, there are no credits to spend.
 */
import { Injectable } from '@nestjs/common';
import { compareBurnOrder } from '../domain/burn-order.js';
import type { Tx } from '../platform/database.js';
import { decimalOf } from '../platform/decimal-column.js';
import { findOpenDebts, findPayers, payDebt, type OpenDebt, type Payer } from './debts.sql.js';
import { Ledger } from './ledger.js';

type Owed = {
  readonly entity: string;
  readonly grantId: string;
  readonly amountPicos: bigint;
  /** Whether the customer got the money back. */
  readonly isRefund: boolean;
  readonly reference: string | null;
  readonly bookedAt: Date;
};

/** That grant pays so much of that debt. */
export type DebtPayment = { readonly debt: OpenDebt; readonly payer: Payer; readonly amountPicos: bigint };

@Injectable()
export class Debts {
  constructor(private readonly ledger: Ledger) {}

  /** Needs the entity's lock. */
  async owe(tx: Tx, { isRefund, ...owed }: Owed): Promise<void> {
    const id = await this.ledger.post(tx, { ...owed, kind: isRefund ? 'refund_debt' : 'void_debt' });
    const { entity, grantId, amountPicos } = owed;
    await tx.debt.create({ data: { entity, id, grantId, amountPicos: decimalOf(amountPicos) } });
  }

  /** Pays what can be paid and returns the entities that paid something. Needs their locks. */
  async settle(tx: Tx, of: { entities: readonly string[]; bookedAt: Date }): Promise<Set<string>> {
    const { entities, bookedAt } = of;
    const open = await findOpenDebts(tx, entities);
    if (open.length === 0) return new Set();
    const indebted = [...new Set(open.map(({ entity }) => entity))];
    const payments = planPayments(open, await findPayers(tx, { entities: indebted, at: bookedAt }));
    for (const { debt, payer, amountPicos } of payments) {
      const { entity, id: debtId } = debt;
      await payDebt(tx, { entity, debtId, grantId: payer.id, amountPicos });
      await this.ledger.post(tx, {
        entity,
        kind: 'debt_payment',
        amountPicos,
        grantId: payer.id,
        corrects: debtId,
        reference: null,
        bookedAt,
      });
    }
    return new Set(payments.map(({ debt }) => debt.entity));
  }
}

/**
 * The oldest debt first, from the grants in burn order. What came back to a voided grant pays nothing but what is owed for that grant
 * itself: the rest of it is void.
 */
export function planPayments(debts: readonly OpenDebt[], payers: readonly Payer[]): DebtPayment[] {
  const lots = payers.toSorted(compareBurnOrder).map((payer) => ({ payer, leftPicos: payer.remainingPicos }));
  return debts.flatMap((debt) => {
    let { duePicos } = debt;
    const payments: DebtPayment[] = [];
    for (const lot of lots) {
      const { payer } = lot;
      if (payer.entity !== debt.entity || (payer.isVoided && payer.id !== debt.grantId)) continue;
      const amountPicos = duePicos < lot.leftPicos ? duePicos : lot.leftPicos;
      if (amountPicos === 0n) continue;
      lot.leftPicos -= amountPicos;
      duePicos -= amountPicos;
      payments.push({ debt, payer, amountPicos });
    }
    return payments;
  });
}
