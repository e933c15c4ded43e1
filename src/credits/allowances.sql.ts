/** A plan's monthly allowance: a promotional grant for the period, made when the entity's credits are first needed in it. */
import { periodEnd, periodOf, periodStart } from '../domain/period.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';

type Needed = { readonly entities: readonly string[]; readonly at: Date };

/** The entities whose plan's allowance of the period is not granted yet. Locks nothing, so that the usual call, for none, waits for nobody. */
export async function findDueAllowances(tx: Tx, { entities, at }: Needed): Promise<string[]> {
  const rows = await tx.$queryRaw<{ entity: string }[]>`
    select e.name as entity
    from entities e join plans p on p.name = e.plan
    where e.name = any(${pgArray(entities)}::text[]) and p.monthly_credit_picos > 0
      and not exists (
        select from credit_grants g
        where g.entity = any(${pgArray(entities)}::text[]) and g.entity = e.name and g.allowance_period = ${periodOf(at)}::text
      )`;
  return rows.map((row) => row.entity);
}

/**
 * Grants what is due and returns the entities that got a grant. Needs the entities' locks, taken in an earlier statement: it must see
 * what another transaction granted meanwhile. It locks nothing more.
 */
export async function grantAllowances(tx: Tx, { entities, at }: Needed): Promise<string[]> {
  const period = periodOf(at);
  const rows = await tx.$queryRaw<{ entity: string }[]>`
    with due as (
      select
        e.name as entity,
        'grant_' || left(translate(encode(sha256((e.name || '/' || ${period}::text)::bytea), 'base64'), '+/=', '000'), 22) as id,
        1 + coalesce((select max(g.lot) from credit_grants g where g.entity = e.name), 0) as lot,
        p.monthly_credit_picos as amount_picos
      from entities e join plans p on p.name = e.plan
      where e.name = any(${pgArray(entities)}::text[]) and p.monthly_credit_picos > 0
        and not exists (select from credit_grants g where g.entity = e.name and g.allowance_period = ${period}::text)
    ), granted as (
      insert into credit_grants (
        entity, id, lot, category, priority, amount_picos, remaining_picos, effective_at, expires_at,
        allowance_period, note, created_at
      )
      select
        entity, id, lot, 'promotional', 50, amount_picos, amount_picos,
        ${periodStart(period)}::timestamptz, ${periodEnd(period)}::timestamptz,
        ${period}::text, 'monthly allowance of the plan', ${at}::timestamptz
      from due
      returning entity, id, amount_picos
    ), posted as (
      insert into ledger_entries (
        entity, kind, debit_account, credit_account, amount_picos, grant_id, period, reference, booked_at
      )
      select
        entity, 'promotion', 'promotions', 'credits:' || id, amount_picos, id, ${period}::text,
        'allowance ' || ${period}::text, ${at}::timestamptz
      from granted
    )
    update entities e set version = e.version + 1
    from granted g where e.name = g.entity
    returning e.name as entity`;
  return rows.map((row) => row.entity);
}
