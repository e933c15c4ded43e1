/** Entities and projects as accounts: made when first seen, locked before money moves, versioned by every change. */
import { arrayLiteral } from '../platform/array-literal.js';
import type { Subject } from '../domain/ids.js';
import type { Tx } from '../platform/database.js';
import { DEFAULT_PLAN } from './default-plan.js';

/** Makes the entities and projects that do not exist yet, in key order, with the plan `free`. */
export async function ensureAccounts(tx: Tx, subjects: readonly Subject[], at: Date): Promise<void> {
  await tx.$executeRaw`
    with named as (
      select distinct entity, project
      from unnest(
        ${arrayLiteral(subjects.map(({ entity }) => entity))}::text[],
        ${arrayLiteral(subjects.map(({ project }) => project))}::text[]
      ) as t (entity, project)
    ), made as (
      insert into entities (name, plan, created_at)
      select distinct entity, ${DEFAULT_PLAN}::text, ${at}::timestamptz from named order by entity
      on conflict (name) do nothing
    )
    insert into projects (entity, name, created_at)
    select entity, project, ${at}::timestamptz from named order by entity, project
    on conflict (entity, name) do nothing`;
}

/**
 * Locks accounts in name order. Everything that moves an entity's money holds this lock; what it reads of grants, burns
 * and spend it reads in a later statement, because a statement that waited sees the tables as they were before the wait.
 */
export async function lockAccounts(tx: Tx, entities: readonly string[]): Promise<void> {
  await tx.$queryRaw`
    select name from entities
    where name = any(${entities}::text[])
    order by name
    for no key update`;
}

/** Raises the version of locked accounts: their state in Redis is older from now on. */
export async function raiseVersions(tx: Tx, entities: readonly string[]): Promise<void> {
  await tx.$executeRaw`
    update entities set version = version + 1
    where name = any(${entities}::text[])`;
}
