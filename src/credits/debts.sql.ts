/** What debts are and which grants pay them, under their entities' locks. */
import type { Grant, GrantCategory } from '../domain/burn-order.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';

export type OpenDebt = {
  readonly entity: string;
  /** Of the ledger entry that made it. */
  readonly id: bigint;
  readonly grantId: string;
  readonly duePicos: bigint;
};

/** A grant with something left that can be spent, now or from a later time on. */
export type Payer = Grant & { readonly entity: string; readonly isVoided: boolean };

/** What the entities owe, oldest first. Locks nothing: call it under the entities' locks. */
export async function findOpenDebts(tx: Tx, entities: readonly string[]): Promise<OpenDebt[]> {
  const rows = await tx.$queryRaw<(Omit<OpenDebt, 'duePicos'> & { due: string })[]>`
    select entity, id, grant_id as "grantId", (amount_picos - paid_picos)::text as due
    from debts
    where entity = any(${pgArray(entities)}::text[]) and is_open
    order by entity, id`;
  return rows.map(({ due, ...debt }) => ({ ...debt, duePicos: BigInt(due) }));
}

/** Those that are neither frozen nor expired. Locks nothing: call it under the entities' locks. */
export async function findPayers(
  tx: Tx,
  { entities, at }: { entities: readonly string[]; at: Date },
): Promise<Payer[]> {
  const rows = await tx.$queryRaw<
    (Omit<Payer, 'remainingPicos'> & { category: GrantCategory; remaining: string })[]
  >`
    select
      entity, id, category, priority, remaining_picos::text as remaining, effective_at as "effectiveAt",
      expires_at as "expiresAt", created_at as "createdAt", allowance_period as "allowancePeriod",
      voided_at is not null as "isVoided"
    from credit_grants
    where entity = any(${pgArray(entities)}::text[]) and is_open and frozen_at is null
      and (expires_at is null or expires_at > ${at}::timestamptz)`;
  return rows.map(({ remaining, ...grant }) => ({ ...grant, remainingPicos: BigInt(remaining) }));
}

/** Takes the amount from the grant and from what is owed. The database refuses more than either has. Locks both rows. */
export async function payDebt(
  tx: Tx,
  of: { entity: string; debtId: bigint; grantId: string; amountPicos: bigint },
): Promise<void> {
  await tx.$executeRaw`
    with paid as (
      update debts set paid_picos = paid_picos + ${String(of.amountPicos)}::numeric
      where entity = ${of.entity}::text and id = ${of.debtId}::bigint
    )
    update credit_grants set
      remaining_picos = remaining_picos - ${String(of.amountPicos)}::numeric,
      repaid_picos = repaid_picos + ${String(of.amountPicos)}::numeric
    where entity = ${of.entity}::text and id = ${of.grantId}::text`;
}
