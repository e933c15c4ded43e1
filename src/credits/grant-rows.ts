/** Grants as they are stored, with what is owed for them. */
import type { Grant, GrantCategory } from '../domain/burn-order.js';
import { TallyError } from '../domain/errors.js';
import { behind, type Order } from '../http/list-order.js';
import { cursorRow } from '../http/list-page.js';
import type { Tx } from '../platform/database.js';
import { bigintOf } from '../platform/decimal-column.js';
import type { CreditGrant, Debt } from '../platform/prisma/client.js';

export type GrantRow = Grant & {
  readonly entity: string;
  readonly amountPicos: bigint;
  readonly burntPicos: bigint;
  readonly voidedPicos: bigint;
  readonly expiredPicos: bigint;
  /** What paid a debt of the entity. */
  readonly repaidPicos: bigint;
  /** What was taken back of it after usage had burnt it: all of that, and what is still owed. */
  readonly indebtedPicos: bigint;
  readonly owedPicos: bigint;
  readonly reference: string | null;
  readonly note: string | null;
  /** What corrections give back to a voided grant is void as well. */
  readonly voidedAt: Date | null;
  /** Since when nobody can spend what is left. */
  readonly frozenAt: Date | null;
};

export const WITH_DEBTS = { debts: true } as const;

/** Throws `not_found`. */
export async function findGrant(tx: Tx, of: { entity: string; grantId: string }): Promise<GrantRow> {
  const { entity, grantId: id } = of;
  const row = await tx.creditGrant.findUnique({
    where: { entity_id: { entity, id } },
    include: WITH_DEBTS,
  });
  if (row === null)
    throw new TallyError('not_found', `no credit grant ${id} of ${entity}`, { param: 'grant' });
  return toGrantRow(row);
}

export type GrantPage = {
  readonly entity: string;
  readonly order: Order;
  readonly after: string | null;
  readonly limit: number;
};

/** A page of the entity's grants, by when they were made. Goes on behind `after`. */
export async function findGrantPage(tx: Tx, { entity, order, after, limit }: GrantPage): Promise<GrantRow[]> {
  const last = await cursorRow(after, (id) =>
    tx.creditGrant.findUnique({ where: { entity_id: { entity, id } }, select: { lot: true } }),
  );
  const rows = await tx.creditGrant.findMany({
    where: { entity, lot: behind(last?.lot, order) },
    include: WITH_DEBTS,
    orderBy: { lot: order },
    take: limit,
  });
  return rows.map(toGrantRow);
}

export function toGrantRow(row: CreditGrant & { debts: readonly Debt[] }): GrantRow {
  const indebtedPicos = row.debts.reduce((sum, { amountPicos }) => sum + bigintOf(amountPicos), 0n);
  const paidPicos = row.debts.reduce((sum, debt) => sum + bigintOf(debt.paidPicos), 0n);
  return {
    id: row.id,
    entity: row.entity,
    category: row.category as GrantCategory,
    priority: row.priority,
    amountPicos: bigintOf(row.amountPicos),
    remainingPicos: bigintOf(row.remainingPicos),
    burntPicos: bigintOf(row.burntPicos),
    voidedPicos: bigintOf(row.voidedPicos),
    expiredPicos: bigintOf(row.expiredPicos),
    repaidPicos: bigintOf(row.repaidPicos),
    indebtedPicos,
    owedPicos: indebtedPicos - paidPicos,
    effectiveAt: row.effectiveAt,
    expiresAt: row.expiresAt,
    reference: row.reference,
    note: row.note,
    voidedAt: row.voidedAt,
    frozenAt: row.frozenAt,
    allowancePeriod: row.allowancePeriod,
    createdAt: row.createdAt,
  };
}
