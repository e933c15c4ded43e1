/** A plan's monthly allowance: a promotional grant for the period, made when the entity's credits are first needed in it. */
import { periodEnd, periodStart, type Period } from '../domain/period.js';
import { Prisma } from '../platform/prisma/client.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';

/** An entity and a period whose allowance it needs. */
export type Needed = { readonly entity: string; readonly period: Period };

/** Those of them that the entity's plan gives and that are not granted yet. */
const dueOf = (needed: readonly Needed[]) => Prisma.sql`
    from unnest(
      ${pgArray(needed.map(({ entity }) => entity))}::text[],
      ${pgArray(needed.map(({ period }) => period))}::text[],
      ${pgArray(needed.map(({ period }) => periodStart(period)))}::timestamptz[],
      ${pgArray(needed.map(({ period }) => periodEnd(period)))}::timestamptz[]
    ) as n (entity, period, starts_at, ends_at)
    join entities e on e.name = n.entity
    join plans p on p.name = e.plan
    where p.monthly_credit_picos > 0
      and not exists (select from credit_grants g where g.entity = n.entity and g.allowance_period = n.period)`;

/** Those that are due. Locks nothing, so that the usual call, for none, waits for nobody. */
export async function findDueAllowances(tx: Tx, needed: readonly Needed[]): Promise<Needed[]> {
  return tx.$queryRaw<Needed[]>`select n.entity, n.period ${dueOf(needed)}`;
}

/**
 * Grants what is due and returns the entities that got a grant. Needs the entities' locks, taken in an earlier statement: it must see
 * what another transaction granted meanwhile. It locks nothing more. `needed` names each once.
 */
export async function grantAllowances(
  tx: Tx,
  { needed, at }: { needed: readonly Needed[]; at: Date },
): Promise<string[]> {
  const rows = await tx.$queryRaw<{ entity: string }[]>`
    with due as (
      select
        n.entity, n.period, n.starts_at, n.ends_at,
        'grant_' || left(translate(encode(sha256((n.entity || '/' || n.period)::bytea), 'base64'), '+/=', '000'), 22) as id,
        row_number() over (partition by n.entity order by n.period)
          + coalesce((select max(g.lot) from credit_grants g where g.entity = n.entity), 0) as lot,
        p.monthly_credit_picos as amount_picos
      ${dueOf(needed)}
    ), granted as (
      insert into credit_grants (
        entity, id, lot, category, priority, amount_picos, remaining_picos, effective_at, expires_at,
        allowance_period, note, created_at
      )
      select
        entity, id, lot, 'promotional', 50, amount_picos, amount_picos,
        starts_at, ends_at, period, 'monthly allowance of the plan', ${at}::timestamptz
      from due
      returning entity, id, amount_picos, allowance_period
    ), posted as (
      insert into ledger_entries (
        entity, kind, debit_account, credit_account, amount_picos, grant_id, period, reference, booked_at
      )
      select
        entity, 'promotion', 'promotions', 'credits:' || id, amount_picos, id, allowance_period,
        'allowance ' || allowance_period, ${at}::timestamptz
      from granted
    )
    update entities e set version = e.version + 1
    from granted g where e.name = g.entity
    returning e.name as entity`;
  return rows.map((row) => row.entity);
}
