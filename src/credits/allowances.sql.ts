/** A plan's monthly allowance: a promotional grant for the period, made when the entity's credits are first needed in it. */
import { periodEnd, periodOf, periodStart } from '../domain/period.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';

/**
 * Grants what is due and returns the entities that got a grant. It is safe at any time and twice at once: it locks the entities'
 * rows in name order, and an entity has at most one allowance a period.
 */
export async function grantAllowances(
  tx: Tx,
  args: { entities: readonly string[]; at: Date },
): Promise<string[]> {
  const period = periodOf(args.at);
  const rows = await tx.$queryRaw<{ entity: string }[]>`
    with due as (
      select e.name as entity, p.monthly_credit_picos as amount_picos
      from entities e join plans p on p.name = e.plan
      where e.name = any(${pgArray(args.entities)}::text[]) and p.monthly_credit_picos > 0
        and not exists (select from credit_grants g where g.entity = e.name and g.allowance_period = ${period}::text)
      order by e.name
      for no key update of e
    ), granted as (
      insert into credit_grants (
        id, entity, category, priority, amount_picos, remaining_picos, effective_at, expires_at,
        allowance_period, note, created_at
      )
      select
        'grant_' || left(translate(encode(sha256((entity || '/' || ${period}::text)::bytea), 'base64'), '+/=', '000'), 22),
        entity, 'promotional', 50, amount_picos, amount_picos,
        ${periodStart(period)}::timestamptz, ${periodEnd(period)}::timestamptz,
        ${period}::text, 'monthly allowance of the plan', ${args.at}::timestamptz
      from due
      on conflict (entity, allowance_period) do nothing
      returning id, entity, amount_picos
    ), posted as (
      insert into ledger_entries (
        entity, kind, debit_account, credit_account, amount_picos, grant_id, period, reference, booked_at
      )
      select
        entity, 'promotion', 'promotions', 'credits:' || id, amount_picos, id, ${period}::text,
        'allowance ' || ${period}::text, ${args.at}::timestamptz
      from granted
    )
    update entities e set version = e.version + 1
    from granted g where e.name = g.entity
    returning e.name as entity`;
  return rows.map((row) => row.entity);
}
