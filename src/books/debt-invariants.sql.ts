/** The invariants of what was taken back of grants, and of what is owed for it. */
import { Prisma } from '../platform/prisma/client.js';

/** Both have the columns `key` and `amount`. */
export type Check = { readonly name: string; readonly left: Prisma.Sql; readonly right: Prisma.Sql };

/** Grants that nobody can spend are left out: expired ones, whose rest pays late usage, and frozen ones. */
export function owedCheck(at: Date): Check {
  return {
    name: 'nothing can be spent while something is owed',
    left: Prisma.sql`
      select jsonb_build_object('entity', g.entity) as key, sum(g.remaining_picos) as amount
      from credit_grants g
      where g.is_open and g.frozen_at is null and (g.expires_at is null or g.expires_at > ${at}::timestamptz)
        and exists (select from debts d where d.entity = g.entity and d.is_open)
      group by g.entity`,
    right: Prisma.sql`select null::jsonb as key, 0::numeric as amount where false`,
  };
}

export const DEBT_CHECKS: readonly Check[] = [
  {
    name: 'the ledger has every debt',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'debt', id, 'grant', grant_id) as key, amount_picos as amount
      from ledger_entries where kind in ('void_debt', 'refund_debt')`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'debt', id, 'grant', grant_id) as key, amount_picos as amount from debts`,
  },
  {
    name: 'payments of debts in the ledger equal what debts say was paid',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'debt', corrects) as key, sum(amount_picos) as amount
      from ledger_entries where kind = 'debt_payment' group by entity, corrects`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'debt', id) as key, paid_picos as amount from debts`,
  },
  {
    name: 'payments of debts in the ledger equal what grants say they repaid',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'grant', grant_id) as key, sum(amount_picos) as amount
      from ledger_entries where kind = 'debt_payment' group by entity, grant_id`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'grant', id) as key, repaid_picos as amount from credit_grants`,
  },
  {
    name: 'what voids and refunds took equals what grants say was voided',
    left: Prisma.sql`
      select jsonb_build_object('entity', entity, 'grant', grant_id) as key, sum(amount_picos) as amount
      from ledger_entries where kind in ('void', 'refund') group by entity, grant_id`,
    right: Prisma.sql`
      select jsonb_build_object('entity', entity, 'grant', id) as key, voided_picos as amount from credit_grants`,
  },
];
